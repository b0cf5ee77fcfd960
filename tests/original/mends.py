"""Where our bootloader leaves other bytes than the original, each by name.

Two kinds. A *reading* says how a torn or odd note is meant: what we make of the state has to be
what the original makes of the state in which that note is whole. An *ending* says what we leave
instead of what the original leaves, byte for byte as well. docs/spec/boot.md and DESIGN.md argue
each of them.
"""

from states import COPY_DONE, IMAGE_OK, ROOM, SECTOR, SECTORS, SLOT, SWAP_INFO, SWAP_SIZE, Slot, State

TRAILER = (SECTORS - 1) * SECTOR  # where the one sector begins that holds the trailer
NOTE = 64  # bytes of ours at its start, which the original neither reads nor writes

REFUSALS = {
    "empty-slot", "bad-header", "bad-flags", "encrypted", "compressed", "not-bootable", "too-large",
    "no-swap-room", "bad-tlv", "forbidden-tlv", "no-hash", "hash-mismatch", "wrong-place",
    "revert-impossible",
}


def put(slot, at, value):
    slot[SLOT - at] = value


# --- readings: name, whether it applies, and the state with the note made whole ---


def request_image_ok(p, x):
    """A request is a test, whatever else its trailer says beside the magic."""
    if x.magic == "good" and x.image_ok == "bad":
        return lambda p, x: (put(x, IMAGE_OK, 0xFF), put(x, COPY_DONE, 0xFF))
    return None


def trial_image_ok(p, x):
    if p.magic == "good" and p.image_ok == "bad" and p.copy_done != "unset":
        return lambda p, x: put(p, IMAGE_OK, 0xFF)
    return None


def torn_copy_done(p, x):
    if p.magic == "good" and p.copy_done == "bad":
        return lambda p, x: put(p, COPY_DONE, 1)
    return None


def complete_revert(p, x):
    """The original sets image_ok before it begins to revert: one without it was not its own."""
    if p.magic == "good" and p.copy_done == "bad" and p.swap_type == "revert":
        return lambda p, x: put(p, IMAGE_OK, 1)
    return None


def header_before_the_image(p, x):
    if x.magic == "good" and x.header(0) is not None and x.sound(SECTOR) is not None:
        return lambda p, x: x.__setitem__(slice(0, 4), b"\xff" * 4)
    return None


READINGS = [
    ("a torn image_ok does not take a request away", request_image_ok),
    ("a torn image_ok does not end a trial", trial_image_ok),
    ("a torn copy_done is set", torn_copy_done),
    ("a revert that is complete is confirmed", complete_revert),
    ("a header left in the first sector does not condemn the image behind it",
     header_before_the_image),
]


def readings(state):
    """The names of the readings that apply, and the state that the original should be given."""
    p, x = bytearray(state.slots[:SLOT]), bytearray(state.slots[SLOT:])
    names = []
    for name, applies in READINGS:
        repair = applies(state.primary, state.secondary)
        if repair is not None:
            names.append(name)
            repair(p, x)
    whole = State(state.story, p + x)
    whole.mended = state.primary.copy_done == "bad"
    return names, whole


# --- endings ---


def halves(slots):
    return slots[:SLOT], slots[SLOT:]


def without_note(mine, his):
    """Our primary without the note that stands where the original has nothing."""
    there = slice(TRAILER, TRAILER + NOTE)
    if mine[TRAILER : TRAILER + 2] == b"TN" and his[there] == b"\xff" * NOTE:
        return mine[:TRAILER] + b"\xff" * NOTE + mine[TRAILER + NOTE :]
    return mine


def without_sizes(p):
    """Notes that were mended have the type and sizes that we give them; no rule reads them at
    rest."""
    return p[: SLOT - SWAP_SIZE] + b"\xff" * (SWAP_SIZE - COPY_DONE) + p[SLOT - COPY_DONE :]


def cleared(x):
    return x[:TRAILER] + b"\xff" * SECTOR


def ending(state, ours, theirs):
    """The name of what ends differently; "" when nothing does, None when there is no name."""
    p, x = halves(state.slots)
    my_p, my_x = halves(ours[0])
    his_p, his_x = halves(theirs[0])
    verdicts = set(ours[1].split())
    console = "\n".join(theirs[1])
    blank = b"\xff" * SLOT

    my_p = without_note(my_p, his_p)
    if state.mended:
        p, my_p, his_p = without_sizes(p), without_sizes(my_p), without_sizes(his_p)
    if (my_p, my_x) == (his_p, his_x):
        return ""
    p_stays, x_stays = my_p == p, my_x in (x, cleared(x))
    if p_stays and x_stays:
        if verdicts & REFUSALS and his_x == blank and his_p == p:
            return "a refused image is not erased"
        if "revert-impossible" in verdicts and "Unable to find" in console:
            return "nothing is swapped in that cannot be booted"
        if "torn-request" in verdicts and his_p == p and his_x == x:
            return "a torn request is cleared away"
        if "no-swap-room" in verdicts and (state.primary.sound() or 0) > ROOM:
            return "a swap that could not be undone is not begun"
        if my_x == cleared(x) and verdicts & REFUSALS and (his_p, his_x) == (p, x):
            return "a request that cannot be followed does not stay"
        if (his_p, his_x) == (p, cleared(x)) and state.secondary.magic == "unset":
            return "notes that ask for nothing are not erased"
        if state.primary.underway and state.primary.swap_size > ROOM:
            return "notes of a swap that has no size do not begin it"
        if "bad-tlv" in verdicts and state.secondary.sound(SECTOR) is None:
            return "a malformed TLV area is refused"
    if x_stays and state.mended and my_p[:TRAILER] == p[:TRAILER]:
        if "trial-started" in verdicts:
            return "a trial that was cut before it began begins"
        if "Unable to find" in console:
            return "nothing is swapped in that cannot be booted"
    if ("abort()" in console or "Failed reading image headers" in console) and \
            exchanged(p, x, my_p, my_x):
        return "a damaged running image does not stop its own replacement"
    if verdicts & {"reverted", "reverted-invalid"} and came_back(p, x, my_p, my_x):
        if my_x == his_x and without_status(my_p) == without_status(his_p):
            return "a swap whose size nobody noted takes every sector"
        if state.secondary.magic == "good":
            return "a request for the previous image is a revert"
    if state.primary.sound() is None and exchanged(p, x, my_p, my_x) and \
            without_status(my_p) == without_status(his_p):
        return "a swap whose size nobody noted takes every sector"
    if state.primary.underway and state.secondary.magic != "good" and recovered(state, ours[0]):
        return "in the middle of a swap the way to its end is ours"
    return None


def without_status(p):
    """A primary without the cells that say how far a swap came, and how large it was."""
    return p[:TRAILER] + p[SLOT - SWAP_INFO :]


def recovered(state, slots):
    """Whether what is booted is sound, if anything was before the swap went on."""
    after = State(state.story, slots)
    before = [state.primary.sound(), state.secondary.sound(SECTOR), state.secondary.sound(0)]
    return after.primary.sound() is not None or not any(size and size <= ROOM for size in before)


def came_back(p, x, my_p, my_x):
    """Whether the image at the secondary's start runs, and the one that was tried lies where a
    candidate lies."""
    size = Slot(x, 0).sound()
    return size is not None and my_p[:size] == x[:size] and \
        my_x[SECTOR : 2 * SECTOR] == p[:SECTOR]


def exchanged(p, x, my_p, my_x):
    """Whether the candidate stands in the primary, and what stood there in the secondary."""
    size = Slot(x, SECTOR).sound()
    return size is not None and my_p[:size] == x[SECTOR : SECTOR + size] and \
        my_x[:SECTOR] == p[:SECTOR]


def explain(state, ours, theirs):
    """The name of the one ending that accounts for every difference; None: something is left."""
    name = ending(state, ours, theirs)
    return "same" if name == "" else name
