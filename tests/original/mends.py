"""Where our bootloader leaves other bytes than the original, each by name.

Two kinds. A *reading* says how a torn or odd note is meant: what we make of the state has to be
what the original makes of the state in which that note is whole. An *ending* says what we leave
instead of what the original leaves, byte for byte as well. docs/spec/boot.md and DESIGN.md argue
each of them.
"""

from states import COPY_DONE, IMAGE_OK, MAGIC, ROOM, SECTOR, SECTORS, SLOT, SWAP_INFO, SWAP_SIZE, \
    Slot, State

TRAILER = (SECTORS - 1) * SECTOR  # where the one sector begins that holds the trailer
NOTE = 64  # bytes of ours at its start, which the original neither reads nor writes
BLANK = b"\xff" * SLOT

REFUSALS = {
    "empty-slot", "bad-header", "bad-flags", "encrypted", "compressed", "not-bootable", "too-large",
    "no-swap-room", "bad-tlv", "forbidden-tlv", "no-hash", "hash-mismatch", "wrong-place",
    "swap-abandoned",
}

# What the console says of a boot that ends without an image, on account of P's header or of
# sizes that make no sense.
ENDED = ("Unable to find", "ASSERTION FAIL", "ZEPHYR FATAL", "panic!", "abort()",
         "Failed reading image headers")


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


def complete(p, x):
    """The original sets image_ok where nothing is to be tried: one without it is not its own."""
    if p.magic == "good" and p.copy_done == "bad" and p.swap_type in ("perm", "revert"):
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
    ("what was swapped in for good is confirmed", complete),
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
    whole.hidden = state.slots[SLOT : SLOT + 4] if x[:4] != state.slots[SLOT : SLOT + 4] else b""
    return names, whole


def unhide(state, theirs):
    """The original's result with the header that it was not shown, where nothing came over it."""
    slots, console = theirs
    x = slots[SLOT:]
    if state.hidden and x[:4] == b"\xff" * 4 and x[4:SECTOR] == state.slots[SLOT + 4 : SLOT + SECTOR]:
        slots = slots[:SLOT] + state.hidden + slots[SLOT + 4 :]
    return slots, console


# --- endings ---


def halves(slots):
    return slots[:SLOT], slots[SLOT:]


def without_note(p):
    """A primary without our note."""
    if p[TRAILER : TRAILER + 2] == b"TN":
        return p[:TRAILER] + b"\xff" * NOTE + p[TRAILER + NOTE :]
    return p


def without_sizes(p):
    """Notes that were mended have the type and sizes that we give them; no rule reads them at
    rest."""
    return p[: SLOT - SWAP_SIZE] + b"\xff" * (SWAP_SIZE - COPY_DONE) + p[SLOT - COPY_DONE :]


def without_status(p):
    """A primary without the cells that say how far a swap came, and how large it was."""
    return p[:TRAILER] + p[SLOT - SWAP_INFO :]


def cleared(slot):
    return slot[:TRAILER] + b"\xff" * SECTOR


def sector(slot, i):
    return slot[i * SECTOR : (i + 1) * SECTOR]


def swapped(p, x, my_p, my_x):
    """Whether the candidate stands in the primary, and what stood there in the secondary: every
    sector in which an image is, and nothing in any other but what lay in it or came from where
    the swap takes it."""
    return moved(p, x, my_p, my_x, 1, 0)


def came_back(p, x, my_p, my_x):
    """Likewise the image at the secondary's start, and the one that was tried one sector in."""
    return moved(p, x, my_p, my_x, 0, 1) and my_x[:SECTOR] == b"\xff" * SECTOR


def moved(p, x, my_p, my_x, from_, to):
    size = Slot(x, from_ * SECTOR).sound()
    if size is None or my_p[:size] != x[from_ * SECTOR : from_ * SECTOR + size]:
        return False
    runs = Slot(p, 0).sound()
    if runs is not None and runs <= ROOM and my_x[to * SECTOR : to * SECTOR + runs] != p[:runs]:
        return False
    for i in range(SECTORS - 1):
        if sector(my_p, i) not in (sector(p, i), blank_at_end(x, i + from_)):
            return False
        if i >= to and sector(my_x, i) not in (sector(x, i), sector(p, i - to)):
            return False
    return my_x[TRAILER:] in (b"\xff" * SECTOR, p[TRAILER - SECTOR : TRAILER])


def blank_at_end(x, i):
    """The secondary's trailer is erased before its sector takes part."""
    return sector(x, i) if i < SECTORS - 1 else b"\xff" * SECTOR


def ending(state, ours, theirs):
    """The names of what ends differently; [] when nothing does, None when there is none."""
    p, x = halves(state.slots)
    my_p, my_x = halves(ours[0])
    his_p, his_x = halves(theirs[0])
    verdicts = set(ours[1].split())
    console = "\n".join(theirs[1])
    before = []

    his_stays = his_p == p
    p_stays, x_stays = my_p == p, my_x in (x, cleared(x))
    if not p_stays:  # our note stands where the original has nothing
        my_p, his_p = without_note(my_p), without_note(his_p)
    if state.mended:
        my_p, his_p = without_sizes(my_p), without_sizes(his_p)
    if (my_p, my_x) == (his_p, his_x):
        return []

    # Notes of a swap that has moved nothing.
    stale = state.primary.underway and my_p == cleared(p) and his_stays
    if stale and verdicts & REFUSALS:
        before = ["notes of a swap that cannot begin are cleared away"]
        my_p, p_stays = his_p, True
        if my_x == his_x:
            return before

    if my_p == his_p and x_stays:
        if verdicts & REFUSALS and his_x == BLANK:
            return before + ["a refused image is not erased"]
        if verdicts & REFUSALS and my_x == cleared(x) and his_x == x:
            return before + ["a request that cannot be followed does not stay"]
        if "torn-request" in verdicts and my_x == cleared(x) and his_x == x:
            return before + ["a torn request is cleared away"]
        if my_x == x and his_x == cleared(x) and state.secondary.magic == "unset":
            return before + ["notes that ask for nothing are not erased"]
    if state.mended and my_p == his_p and (my_x, his_x) == (cleared(x), x) and \
            state.secondary.magic == "unset":
        return ["mended notes pass through the secondary's trailer"]
    unbegun = state.primary.underway and my_p == cleared(p) and x_stays
    if unbegun and "no-swap-room" in verdicts and (state.primary.sound() or 0) > ROOM:
        return ["notes of a swap that cannot begin are cleared away",
                "a swap that could not be undone is not begun"]
    if p_stays and x_stays:
        if "revert-impossible" in verdicts:
            return before + ["nothing is swapped in that cannot be booted"]
        if "no-swap-room" in verdicts and (state.primary.sound() or 0) > ROOM:
            return before + ["a swap that could not be undone is not begun"]
        if "bad-tlv" in verdicts and state.secondary.sound(SECTOR) is None:
            return before + ["a malformed TLV area is refused"]
        if my_x == x and marked_beside_confirmed(state):
            return before + ["a mark for a revert beside a confirmed image is not followed"]
        if state.primary.underway and state.primary.swap_size > ROOM:
            return before + ["notes of a swap that has no size do not begin it"]
    if before:
        return None
    if x_stays and state.mended and my_p[:TRAILER] == p[:TRAILER]:
        if "trial-started" in verdicts:
            return ["a trial that was cut before it began begins"]
        if "Unable to find" in console:
            return ["nothing is swapped in that cannot be booted"]
    if swapped(p, x, my_p, my_x):
        if any(word in console for word in ENDED) and state.primary.sound() is None:
            return ["a damaged running image does not stop its own replacement"]
        if state.primary.underway and state.secondary.magic != "good" and his_stays:
            return ["a swap that was begun goes on"]
        if state.primary.sound() is None and without_status(my_p) == without_status(his_p):
            return ["a swap whose size nobody noted takes every sector"]
    if verdicts & {"reverted", "reverted-invalid"} and came_back(p, x, my_p, my_x):
        if any(word in console for word in ENDED) and state.primary.sound() is None:
            return ["a damaged image on trial does not stop its own revert"]
        if my_x == his_x and without_status(my_p) == without_status(his_p):
            return ["a swap whose size nobody noted takes every sector"]
        if state.secondary.magic == "good":
            return ["a request for the previous image is a revert"]
    if state.primary.underway and state.secondary.magic != "good" and recovered(state, ours[0]):
        return ["in the middle of a swap the way to its end is ours"]
    return None


def marked_beside_confirmed(state):
    p, x = state.primary, state.secondary
    return (p.magic, p.copy_done, p.image_ok) == ("good", "set", "set") and \
        (x.magic, x.copy_done, x.image_ok) == ("good", "set", "unset")


def recovered(state, slots):
    """Whether what is booted is sound, if anything was before the swap went on."""
    after = State(state.story, slots)
    before = [state.primary.sound(), state.secondary.sound(SECTOR), state.secondary.sound(0)]
    return after.primary.sound() is not None or not any(size and size <= ROOM for size in before)


def explain(state, ours, theirs):
    """The names that account for every difference ("same": there is none); None: one is left."""
    names = ending(state, ours, theirs)
    return None if names is None else " + ".join(names) or "same"
