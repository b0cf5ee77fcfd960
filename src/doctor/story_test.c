/*
 * doctor/story_test.c - scripts of conversations and consoles, and the facts they must and must
 * not yield.
 *
 * A script is one step a line:
 *
 *   up | down STATUS | mtu N | params INTERVAL_US TIMEOUT_MS     the link
 *   probe                          what a server takes is asked for and answered
 *   mode N                         the bootloader query and its answer
 *   list SLOTS                     the list is asked for and answered
 *   test HASH -> ANSWER            a state write; HASH may be - for none
 *   confirm HASH -> ANSWER
 *   storage -> ANSWER              group 63
 *   erase -> ANSWER                a slot
 *   upload SIZE by N [until M] [-> ANSWER]
 *   reset -> ANSWER
 *   again GROUP ID                 an answer that nobody asked for, or once more
 *   wait MS | clock HH:MM | file | client android|smpmgr|mcumgr
 *   say TEXT | write TEXT          a line of the console, of the client
 *
 * SLOTS: [IMAGE/]SLOT:HASH:FLAGS..., flags a c p P (active, confirmed, pending, permanent) or -. ANSWER:
 * SLOTS, "ok", "rc N", "err GROUP N" or "none".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "doctor/reader.h"
#include "doctor/story.h"

struct play {
    struct td_facts *facts;
    struct td_story *story;
    struct td_place at;
    int64_t now_us;
    uint8_t seq;
    enum td_dialect client;
};

static void give(struct play *p, struct td_event *event)
{
    p->at.line++;
    event->at = p->at;
    event->time_us = p->now_us;
    if (!event->line.text)
        event->line.text = "";
    event->line.raw = event->line.text;
    event->line.module = "";
    event->line.len = strlen(event->line.text);
    td_story_take(p->story, event);
}

static void message(struct play *p, uint8_t op, uint16_t group, uint8_t id, json_t *body)
{
    struct td_event event = { .kind = TD_EVENT_MESSAGE };

    if ((op & 1) == 0)
        p->seq++;
    p->now_us += 100000;
    event.line.dialect = p->client;
    event.u.message.dir = (op & 1) ? TD_FROM_DEVICE : TD_TO_DEVICE;
    event.u.message.hdr.op = op;
    event.u.message.hdr.group = group;
    event.u.message.hdr.id = id;
    event.u.message.hdr.seq = p->seq;
    event.u.message.bytes = (const uint8_t *)"";
    event.u.message.body = body;
    give(p, &event);
    json_decref(body);
}

static json_t *slots(char *text)
{
    json_t *list = json_array();
    char *save = NULL;

    for (char *one = text ? strtok_r(text, " ", &save) : NULL; one;
         one = strtok_r(NULL, " ", &save)) {
        unsigned slot, image = 0;
        char hash[16], flags[8], full[80];
        json_t *entry;

        if (strchr(one, '/')) {
            image = (unsigned)strtoul(one, NULL, 10);
            one = strchr(one, '/') + 1;
        }
        assert_int_equal(sscanf(one, "%u:%8[0-9a-f]:%7[acpP-]", &slot, hash, flags), 3);
        snprintf(full, sizeof full, "hex:%s%056d", hash, 0);
        entry = json_pack("{s:i, s:i, s:s, s:s, s:b, s:b, s:b, s:b, s:b}", "image", (int)image,
                          "slot", (int)slot, "version", "1.0.0", "hash", full, "bootable", 1,
                          "pending", strchr(flags, 'p') != NULL, "permanent",
                          strchr(flags, 'P') != NULL, "confirmed", strchr(flags, 'c') != NULL,
                          "active", strchr(flags, 'a') != NULL);
        json_array_append_new(list, entry);
    }
    return json_pack("{s:o}", "images", list);
}

/* NULL: no answer is given. */
static json_t *answer(char *text)
{
    int a, b;

    if (!text || strcmp(text, "ok") == 0)
        return json_object();
    if (strcmp(text, "none") == 0)
        return NULL;
    if (sscanf(text, "rc %d", &a) == 1)
        return json_pack("{s:i}", "rc", a);
    if (sscanf(text, "err %d %d", &a, &b) == 2)
        return json_pack("{s:{s:i, s:i}}", "err", "group", a, "rc", b);
    return slots(text);
}

static void ask(struct play *p, uint8_t op, uint16_t group, uint8_t id, json_t *body, json_t *reply)
{
    message(p, op, group, id, body);
    if (reply)
        message(p, op + 1, group, id, reply);
}

static void link_event(struct play *p, struct td_link_event link)
{
    struct td_event event = { .kind = TD_EVENT_LINK, .line.dialect = p->client, .u.link = link };

    p->now_us += 50000;
    give(p, &event);
}

static void line(struct play *p, enum td_dialect dialect, const char *text)
{
    struct td_event event = { .kind = TD_EVENT_LINE };

    event.line.dialect = dialect;
    event.line.text = text;
    give(p, &event);
}

static void upload(struct play *p, char *rest, char *reply)
{
    unsigned size, by, until;
    int n = sscanf(rest, "%u by %u until %u", &size, &by, &until);

    assert_true(n >= 2);
    until = n == 3 ? until : size;
    for (unsigned off = 0; off < until; off += by) {
        unsigned len = off + by > size ? size - off : by;
        char *data = malloc(2 * len + 8);
        json_t *body;
        bool last = off + by >= until;

        strcpy(data, "hex:");
        for (unsigned i = 0; i < len; i++)
            strcpy(data + 4 + 2 * i, off + i == 0   ? "3d"
                                     : off + i == 1 ? "b8"
                                     : off + i == 2 ? "f3"
                                     : off + i == 3 ? "96"
                                                    : "00");
        body = json_pack("{s:i, s:s}", "off", (int)off, "data", data);
        if (off == 0)
            json_object_set_new(body, "len", json_integer(size));
        free(data);
        if (last && reply)
            ask(p, 2, 1, 1, body, answer(reply));
        else
            ask(p, 2, 1, 1, body, json_pack("{s:i}", "off", (int)(off + len)));
    }
}

static void mark(struct play *p, char *rest, bool confirm, char *reply)
{
    json_t *body = json_pack("{s:b}", "confirm", confirm);
    char full[80];

    if (rest[0] != '-') {
        snprintf(full, sizeof full, "hex:%.8s%056d", rest, 0);
        json_object_set_new(body, "hash", json_string(full));
    }
    ask(p, 2, 1, 0, body, answer(reply));
}

static bool word(char **rest, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(*rest, word, n) != 0 || ((*rest)[n] != ' ' && (*rest)[n] != '\0'))
        return false;
    *rest += (*rest)[n] == ' ' ? n + 1 : n;
    return true;
}

static bool play_link(struct play *p, char *rest)
{
    unsigned a, b;

    if (word(&rest, "up"))
        link_event(p, (struct td_link_event){ .what = TD_LINK_UP });
    else if (word(&rest, "down"))
        link_event(p, (struct td_link_event){ .what = TD_LINK_DOWN, .status = atoi(rest) });
    else if (word(&rest, "mtu"))
        link_event(p, (struct td_link_event){ .what = TD_LINK_MTU, .value = 498 });
    else if (word(&rest, "params") && sscanf(rest, "%u %u", &a, &b) == 2)
        link_event(
            p, (struct td_link_event){ .what = TD_LINK_PARAMS, .interval_us = a, .timeout_ms = b });
    else
        return false;
    return true;
}

static bool play_scene(struct play *p, char *rest)
{
    unsigned hours, minutes;

    if (word(&rest, "wait"))
        p->now_us += atoi(rest) * INT64_C(1000);
    else if (word(&rest, "clock") && sscanf(rest, "%u:%u", &hours, &minutes) == 2)
        p->now_us = ((int64_t)hours * 60 + minutes) * 60 * 1000000;
    else if (word(&rest, "file")) {
        td_story_file_end(p->story);
        p->at = (struct td_place){ .file = (uint16_t)(p->at.file + 1) };
    } else if (word(&rest, "client"))
        p->client = strcmp(rest, "smpmgr") == 0   ? TD_DIALECT_SMPMGR
                    : strcmp(rest, "mcumgr") == 0 ? TD_DIALECT_MCUMGR
                                                  : TD_DIALECT_NORDIC_ANDROID;
    else if (word(&rest, "say"))
        line(p, TD_DIALECT_ZEPHYR, rest);
    else if (word(&rest, "write"))
        line(p, p->client, rest);
    else
        return false;
    return true;
}

static void play_step(struct play *p, char *step)
{
    char *arrow = strstr(step, " -> "), *rest = step, *reply = NULL;

    if (play_link(p, step) || play_scene(p, step))
        return;
    if (arrow) {
        *arrow = '\0';
        reply = arrow + 4;
    }
    if (word(&rest, "probe"))
        ask(p, 0, 0, 6, json_object(), json_pack("{s:i, s:i}", "buf_size", 2475, "buf_count", 4));
    else if (word(&rest, "again") && strlen(rest) == 3)
        message(p, 1, (uint16_t)(rest[0] - '0'), (uint8_t)(rest[2] - '0'), slots(NULL));
    else if (word(&rest, "mode"))
        ask(p, 0, 0, 8, json_object(), json_pack("{s:i}", "mode", atoi(rest)));
    else if (word(&rest, "list"))
        ask(p, 0, 1, 0, json_object(), slots(rest));
    else if (word(&rest, "echo"))
        ask(p, 2, 0, 0, json_object(), answer(reply));
    else if (word(&rest, "test"))
        mark(p, rest, false, reply);
    else if (word(&rest, "confirm"))
        mark(p, rest, true, reply);
    else if (word(&rest, "storage"))
        ask(p, 2, 63, 0, json_object(), answer(reply));
    else if (word(&rest, "erase"))
        ask(p, 2, 1, 5, json_object(), answer(reply));
    else if (word(&rest, "upload"))
        upload(p, rest, reply);
    else if (word(&rest, "reset"))
        ask(p, 2, 0, 5, json_object(), answer(reply));
    else
        fail_msg("no such step: %s", step);
}

static void open_play(struct play *p)
{
    memset(p, 0, sizeof *p);
    p->facts = td_facts_new();
    p->story = td_story_new(p->facts);
    p->client = TD_DIALECT_NORDIC_ANDROID;
    p->now_us = INT64_C(36000) * 1000000;
    assert_non_null(p->story);
}

static void close_play(struct play *p)
{
    td_story_free(p->story);
    td_facts_free(p->facts);
}

/* The first n steps; all when the script has fewer. How many there were. */
static size_t play(struct play *p, const char *script, size_t n)
{
    char *copy = strdup(script), *save = NULL;
    size_t done = 0;

    for (char *step = strtok_r(copy, "\n", &save); step && done < n;
         step = strtok_r(NULL, "\n", &save), done++)
        play_step(p, step);
    free(copy);
    td_story_end(p->story);
    return done;
}

/* ---- scripts ---- */

/* A mark of an earlier attempt, a confirm that does nothing; then a reset that nobody follows. */
#define STUCK                                                                                      \
    "clock 09:12\nup\nmtu 498\nprobe\nparams 11250 420\n"                                          \
    "list 0:a0a0a0a0:ac 1:b1b1b1b1:p\nwrite Uploading firmware...\nstorage -> rc 8\n"              \
    "write New state: CONFIRM\nconfirm b1b1b1b1 -> 0:a0a0a0a0:ac 1:b1b1b1b1:p\ndown 0\n"           \
    "wait 4500\nparams 40000 420\n"                                                                \
    "clock 17:40\nup\nprobe\nlist 0:c2c2c2c2:ac 1:d3d3d3d3:p\nstorage -> rc 8\n"                   \
    "write New state: RESET\nreset -> ok\nwait 600\ndown 8\nwrite New state: CONFIRM\n"

#define HEALTHY                                                                                    \
    "up\nprobe\nlist 0:a0a0a0a0:ac\nupload 2000 by 400\n"                                          \
    "list 0:a0a0a0a0:ac 1:b1b1b1b1:-\ntest b1b1b1b1 -> 0:a0a0a0a0:ac 1:b1b1b1b1:p\n"               \
    "reset -> ok\nwait 500\ndown 8\nwait 9000\nup\nprobe\n"                                        \
    "list 0:b1b1b1b1:a 1:a0a0a0a0:c\nconfirm - -> 0:b1b1b1b1:ac 1:a0a0a0a0:-\n"

#define MOVE_BOOT(magic, type)                                                                     \
    "say *** Booting MCUboot v2.1.0-dev ***\nsay Starting bootloader\n"                            \
    "say Primary image: magic=good, swap_type=0x2, copy_done=0x1, image_ok=0x1\n"                  \
    "say Secondary image: magic=" magic ", swap_type=0x1, copy_done=0x3, image_ok=0x3\n"           \
    "say Boot source: none\nsay Image index: 0, Swap type: " type "\n"
#define BOOT_END                                                                                   \
    "say Bootloader chainload address offset: 0xc000\nsay Image version: v1.2.0\n"                 \
    "say Jumping to the first image slot\nsay *** Booting nRF Connect SDK v2.5.0 ***\n"

#define SWAPPED "say Starting swap using move algorithm.\n"

#define MAX_FACTS 12

static const struct {
    const char *says;
    const char *script;
    const char *holds[MAX_FACTS];
    const char * not [MAX_FACTS];
} rows[] = {
    { "a mark of an earlier attempt is seen for what it is",
      STUCK,
      { "story.pending-at-start hash=b1b1b1b1 permanent=0", "story.nothing-uploaded",
        "story.confirm-unchanged hash=b1b1b1b1", "server generation=old",
        "story.slot-changed slot=0 from=a0a0a0a0 to=c2c2c2c2 running=1",
        "story.mark-probably-survived hash=d3d3d3d3 tried=1", "story.not-verified",
        "link.down during=after-reset status=8 after_ms>600 late!=1", "storage.erase rc=8",
        "story.unexplained what=mark-survived", "link.params restored=1",
        "story.way rank=1 name=swap-room" },
      { "story.pending-survived", "story.swapped", "story.reverted", "story.all-unsupported",
        "story.silent", "smp.unanswered", "smp.foreign", "upload", "story.no-mark" } },
    { "a healthy update is one",
      HEALTHY,
      { "story.swapped hash=b1b1b1b1 confirmed=0",
        "upload size=2000 sent=2000 chunks=5 finished=1 magic_ok=1 largest=400 restarts=0",
        "state.write kind=test changed=1 pending_after=1", "slot when=last slot=0 confirmed=1",
        "slot when=after-reset slot=0 hash=b1b1b1b1" },
      { "story.unexplained", "story.reverted", "story.no-swap", "story.not-verified",
        "story.trial-running", "story.slot-changed", "story.nothing-uploaded",
        "story.pending-at-start", "story.confirm-unchanged", "story.no-mark", "story.already" } },
    { "a mark that outlives its reset is proof",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:-\ntest b1b1b1b1 -> 0:a0a0a0a0:ac 1:b1b1b1b1:p\n"
      "reset -> ok\ndown 8\nup\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\n",
      { "story.pending-survived hash=b1b1b1b1 slot=1", "story.no-swap",
        "story.unexplained what=mark-survived" },
      { "story.pending-at-start", "story.mark-probably-survived", "story.swapped" } },
    { "a slot that is empty after the reset was refused",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\ndown 8\nup\nlist 0:a0a0a0a0:ac\n",
      { "story.slot1-vanished hash=b1b1b1b1 pending_before=1", "story.no-swap",
        "story.unexplained what=slot-vanished", "story.way rank=1 name=invalid" },
      { "story.pending-survived", "story.mark-probably-survived" } },
    { "a tried image that lies in slot 1 again was reverted",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\ndown 8\nup\n"
      "list 0:a0a0a0a0:ac 1:b1b1b1b1:-\n",
      { "story.reverted hash=b1b1b1b1", "story.unexplained what=reverted" },
      { "story.pending-survived", "story.slot1-vanished" } },
    { "an image that ran and then did not was reverted",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\ndown 8\nup\n"
      "list 0:b1b1b1b1:a 1:a0a0a0a0:c\ndown 8\nup\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:-\n",
      { "story.swapped hash=b1b1b1b1", "story.reverted hash=b1b1b1b1" },
      { "story.trial-running" } },
    { "a hash on a line of its own belongs to its slot",
      "client smpmgr\nwrite ImageState(\nwrite     slot=0,\nwrite     version='1.2.3',\n"
      "write     hash=HashBytes(\n"
      "write         '7CF99F4195A2285B75DE6638C2E810FDBDE239493EAFC688D9C6D37F900882D1'\n"
      "write     ),\nwrite     confirmed=False,\nwrite     active=True,\nwrite )\n"
      "write ImageState(\nwrite     slot=1,\nwrite     version='0.9.0',\n"
      "write     hash=HashBytes(\n"
      "write         '1BAA222074CC805FAF4E09846D2377886B1E5EF7CFCCD9EAC1554D82D9AA9D5A'\n"
      "write     ),\nwrite     confirmed=True,\nwrite     active=False,\nwrite )\n",
      { "slot when=last slot=0 hash=7cf99f41 active=1 confirmed=0 version=1.2.3",
        "slot when=last slot=1 hash=1baa2220 active=0 confirmed=1" },
      { "slot hash=285b75de" } },
    { "a first chunk of two bytes does not tell what the file is",
      "client smpmgr\nprobe\nupload 900 by 2 -> err 1 22\n",
      { "upload first_bytes=2 err=22" },
      { "upload magic_ok=0", "upload magic_ok=1" } },
    { "an update that two files tell of happened once",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\ndown 8\nup\n"
      "list 0:b1b1b1b1:a 1:a0a0a0a0:c\nfile\n"
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\ndown 8\nup\n"
      "list 0:b1b1b1b1:a 1:a0a0a0a0:c\n",
      { "story.swapped hash=b1b1b1b1", "story.trial-running" },
      { "story.reverted" } },
    { "two files that tell of different days follow one another",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\ndown 8\nup\n"
      "list 0:b1b1b1b1:a 1:a0a0a0a0:c\nfile\n"
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:-\n",
      { "story.swapped hash=b1b1b1b1", "story.reverted hash=b1b1b1b1" },
      { "story.trial-running" } },
    { "an upload without a mark schedules nothing",
      "client smpmgr\nprobe\nupload 900 by 300\nreset -> ok\nwait 5000\nprobe\n"
      "list 0:a0a0a0a0:ac 1:b1b1b1b1:-\n",
      { "story.no-mark client=smpmgr", "upload finished=1" },
      { "story.not-verified" } },
    { "direct-XIP needs no mark",
      "up\nmode 4\nlist 0:a0a0a0a0:ac\nupload 900 by 300\nreset -> ok\ndown 8\nup\n"
      "list 0:a0a0a0a0:- 1:b1b1b1b1:ac\n",
      { "bootloader mode=4", "story.swapped hash=b1b1b1b1" },
      { "story.no-mark", "story.no-swap", "story.unexplained", "story.pending-at-start" } },
    { "recovery knows no marks and lists without flags",
      "client mcumgr\nlist 0:a0a0a0a0:-\nupload 900 by 300\nreset -> ok\n",
      { "story.not-verified" },
      { "story.trial-running", "story.swapped", "story.reverted", "story.unexplained" } },
    { "a new server says what an old one hides",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nconfirm b1b1b1b1 -> err 1 28\n",
      { "server generation=new", "state.write err=28 err_group=1 kind=confirm" },
      { "story.confirm-unchanged", "server generation=old" } },
    { "nothing was answered at all",
      "up\nprobe\n",
      { "params buf_size=2475" },
      { "story.silent" } },
    { "silence is what it says",
      "up\necho -> none\nwait 3000\necho -> none\nwait 3000\ndown 8\n",
      { "story.silent", "smp.unanswered group=0 id=0", "link.down during=request" },
      { "story.all-unsupported" } },
    { "every answer was that it is not supported",
      "up\necho -> rc 8\nreset -> rc 8\n",
      { "story.all-unsupported", "reset answered=1 rc=8" },
      { "story.not-verified" } },
    { "the link is lost during the first chunk",
      "up\nlist 0:a0a0a0a0:ac\nupload 5000 by 400 until 400 -> none\nwait 700\ndown 8\n",
      { "link.down during=first-chunk status=8", "upload finished=0 sent=0",
        "upload.timeout off=0 size=5000 chunk=400", "smp.unanswered group=1 id=1" },
      { "story.nothing-uploaded" } },
    { "other images than before are there: a cable was at work",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\ndown 8\nup\n"
      "list 0:c2c2c2c2:ac 1:d3d3d3d3:p\n",
      { "story.mark-probably-survived hash=b1b1b1b1", "story.slot-changed slot=0" },
      { "story.slot1-vanished", "story.no-swap" } },
    { "an image that was sent is not in the list after it",
      "up\nlist 0:a0a0a0a0:ac\nupload 900 by 300\nlist 0:a0a0a0a0:ac\n",
      { "story.not-listed image=0 slot=1", "upload percent=100" },
      { "story.active-overwritten", "upload resumed=1" } },
    { "an upload changes the image that runs",
      "up\nlist 0:a0a0a0a0:ac\nupload 900 by 300\nlist 0:b1b1b1b1:ac\n",
      { "story.active-overwritten hash=b1b1b1b1" },
      { "story.not-listed" } },
    { "an image that was sent is listed",
      "up\nlist 0:a0a0a0a0:ac\nupload 900 by 300\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:-\n",
      { "upload finished=1" },
      { "story.not-listed", "story.active-overwritten" } },
    { "an upload is refused at its first chunk",
      "up\nupload 5000 by 400 until 400 -> rc 6\n",
      { "upload finished=0 sent=0 rc=6 first_bytes=400" },
      { "upload.timeout" } },
    { "two clients do not answer one another",
      "up\nlist 0:a0a0a0a0:ac\nclient smpmgr\nprobe\nlist 0:f4f4f4f4:ac\n",
      { "slot when=first hash=a0a0a0a0", "slot when=first hash=f4f4f4f4" },
      { "smp.foreign", "smp.unanswered" } },
    { "the running image is marked for a test",
      "up\nlist 0:a0a0a0a0:ac\ntest a0a0a0a0 -> err 1 33\n",
      { "story.already hash=a0a0a0a0" },
      { "story.no-mark" } },
    { "a console of a good swap",
      MOVE_BOOT("good", "test") "say Starting swap using move algorithm.\n" BOOT_END,
      { "boot swap_type=test primary_magic=good secondary_magic=good started_swap=move jumped=1 "
        "version=1.2.0 app=1",
        "boot.good-swap type=test" },
      { "boot.decided-otherwise", "boot.asked-not-done", "boot.good", "boot refused~o" } },
    { "a console of a boot with nothing to do",
      MOVE_BOOT("unset", "none") BOOT_END MOVE_BOOT("unset", "none") BOOT_END,
      { "boot n=2 swap_type=none jumped=1", "boot.good" },
      { "boot.good-swap", "boot n=3", "boot.decided-otherwise", "boot.request-not-seen" } },
    { "a swap refused for lack of room keeps its mark",
      MOVE_BOOT("good", "test") "say Not enough free space to run swap upgrade\n" BOOT_END
                                "file\nup\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\n",
      { "boot refused=no-room swap_type=test", "story.way name=swap-room rank=1 fits=99" },
      { "boot.good-swap", "boot.good", "boot.asked-not-done",
        "story.unexplained what=mark-survived" } },
    { "the console sees no mark where the list has one",
      MOVE_BOOT("unset", "none") BOOT_END "file\nup\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\n",
      { "boot.request-not-seen hash=b1b1b1b1", "story.way name=other-address rank=1" },
      { "story.unexplained what=mark-survived" } },
    { "the application saw a mark that the bootloader does not see",
      "say Image index: 0, Swap type: test\n" MOVE_BOOT("unset", "none") BOOT_END,
      { "boot.request-not-seen said=test" },
      { "boot.good-swap" } },
    { "what the application saw before one boot says nothing of the next",
      "say Image index: 0, Swap type: test\n" MOVE_BOOT(
          "good", "test") "say Starting swap using move algorithm.\n" BOOT_END MOVE_BOOT("unset",
                                                                                         "none")
          BOOT_END,
      { "boot.good-swap type=test", "boot.good" },
      { "boot.request-not-seen" } },
    { "a bootloader decides what its trailers do not say",
      MOVE_BOOT("good", "none") BOOT_END,
      { "boot.decided-otherwise must=test did=none" },
      { "boot.good-swap" } },
    { "the sessions of one day are put right by their clocks",
      "clock 17:40\nup\nlist 0:c2c2c2c2:ac\ndown 0\nclock 09:12\nup\nlist 0:a0a0a0a0:ac\n",
      { "story.slot-changed from=a0a0a0a0 to=c2c2c2c2", "slot when=last hash=c2c2c2c2" },
      { "slot when=last hash=a0a0a0a0" } },
    { "midnight is no wrong order",
      "clock 23:50\nup\nlist 0:a0a0a0a0:ac\ndown 0\nclock 00:10\nup\nlist 0:c2c2c2c2:ac\n",
      { "story.slot-changed from=a0a0a0a0 to=c2c2c2c2", "slot when=last hash=c2c2c2c2" },
      { "slot when=last hash=a0a0a0a0" } },
    { "pasted commands are a conversation",
      "client mcumgr\nwrite $ mcumgr -c acm0 image list\nwrite Images:\nwrite  image=0 slot=0\n"
      "write     version: 1.0.0\nwrite     flags: active confirmed\n"
      "write     hash: a0a0a0a000000000000000000000000000000000000000000000000000000000\n"
      "write $ mcumgr -c acm0 image upload app.bin\nwrite Done\n"
      "write $ mcumgr -c acm0 reset\n"
      "write $ mcumgr -c acm0 image list\nwrite Images:\nwrite  image=0 slot=0\n"
      "write     version: 1.0.0\nwrite     flags: active confirmed\n"
      "write     hash: a0a0a0a000000000000000000000000000000000000000000000000000000000\n",
      { "story.no-mark client=mcumgr", "story.no-swap hash=a0a0a0a0", "slot when=before-reset" },
      { "story.not-verified", "story.unexplained", "story.silent" } },
    { "an answer that comes twice is no stranger",
      "up\nprobe\nlist 0:a0a0a0a0:ac\nagain 1 0\ndown 0\n",
      { "smp.answer group=1 id=0 ok=1" },
      { "smp.foreign" } },
    { "an answer to nothing is a stranger",
      "up\nprobe\nlist 0:a0a0a0a0:ac\nagain 1 1\ndown 0\n",
      { "smp.foreign group=1 id=1" },
      { 0 } },
    { "a mark that was merely looked at proves little",
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\ndown 0\n",
      { "story.mark-probably-survived tried=0" },
      { "story.mark-probably-survived tried=1" } },
    { "a link that outlives its reset makes one doubt the reboot",
      "up\nparams 11250 420\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\nreset -> ok\nwait 9000\ndown 8\n"
      "up\nlist 0:a0a0a0a0:ac 1:b1b1b1b1:p\n",
      { "link.down during=after-reset late=1", "story.way name=no-reboot rank=2" },
      { 0 } },
    { "a client that comes back is timed",
      "up\nreset -> ok\nwait 500\ndown 8\nwait 9000\nup\nlist 0:a0a0a0a0:ac\n",
      { "link.back after_ms>9000 after_ms<10500" },
      { "story.not-verified" } },
    { "what another core took over is not missed",
      "up\nlist 0:a0a0a0a0:ac 0/1:b1b1b1b1:p 1/1:d3d3d3d3:p\nreset -> ok\ndown 8\nup\n"
      "list 0:b1b1b1b1:a 0/1:a0a0a0a0:c\n",
      { "story.swapped hash=b1b1b1b1", "slot when=before-reset image=1 slot=1 pending=1" },
      { "story.slot1-vanished", "story.no-swap", "story.mark-probably-survived" } },
    { "of two marks, the one that survived is seen",
      "up\nlist 0:a0a0a0a0:ac 0/1:b1b1b1b1:p 1/1:d3d3d3d3:p\nreset -> ok\ndown 8\nup\n"
      "list 0:b1b1b1b1:a 0/1:a0a0a0a0:c 1/1:d3d3d3d3:p\n",
      { "story.swapped hash=b1b1b1b1", "story.pending-survived hash=d3d3d3d3" },
      { "story.pending-survived hash=b1b1b1b1" } },
    { "a sentence about a command is none",
      "client mcumgr\nwrite mcumgr reset does nothing for me\nwrite I use mcumgr reset\n",
      { 0 },
      { "story.not-verified" } },
    { "an upload that the link does not survive is weighed",
      "up\nupload 5000 by 400 until 2000 -> none\nwait 5000\ndown 8\n",
      { "story.unexplained what=link-lost", "story.way of=link-lost name=device-reset",
        "link.down during=upload" },
      { "story.no-swap" } },
    { "lists that were written for people count as well",
      "client mcumgr\nwrite Images:\nwrite  image=0 slot=0\nwrite     version: 1.0.0\n"
      "write     bootable: true\nwrite     flags: active confirmed\n"
      "write     hash: a0a0a0a000000000000000000000000000000000000000000000000000000000\n"
      "write  image=0 slot=1\nwrite     version: 1.1.0\nwrite     bootable: true\n"
      "write     flags: pending\n"
      "write     hash: b1b1b1b100000000000000000000000000000000000000000000000000000000\n"
      "write Split status: N/A (0)\n",
      { "slot when=last slot=0 version=1.0.0 hash=a0a0a0a0 active=1 confirmed=1",
        "slot when=last slot=1 version=1.1.0 hash=b1b1b1b1 pending=1 permanent=0",
        "story.mark-probably-survived hash=b1b1b1b1" },
      { "story.silent" } },
};

static void each_script_yields_its_facts_and_no_others(void **unused)
{
    unsigned faults = 0;

    (void)unused;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct play p;

        open_play(&p);
        play(&p, rows[i].script, SIZE_MAX);
        for (size_t k = 0; k < MAX_FACTS && rows[i].holds[k]; k++)
            if (!td_facts_hold(p.facts, rows[i].holds[k])) {
                print_message("%s: lacks %s\n", rows[i].says, rows[i].holds[k]);
                faults++;
            }
        for (size_t k = 0; k < MAX_FACTS && rows[i].not [k]; k++)
            if (td_facts_hold(p.facts, rows[i].not [k])) {
                print_message("%s: has %s\n", rows[i].says, rows[i].not [k]);
                faults++;
            }
        close_play(&p);
    }
    assert_int_equal(faults, 0);
}

/* A conclusion about an image is read by people: its sentence stands with it and names the hash. */
static void what_follows_for_an_image_is_a_sentence_about_it(void **unused)
{
    unsigned said = 0;

    (void)unused;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct play p;

        open_play(&p);
        play(&p, rows[i].script, SIZE_MAX);
        for (size_t k = 0; k < td_facts_count(p.facts); k++) {
            const struct td_fact *fact = td_facts_at(p.facts, k);
            const char *hash = td_fact_get(fact, "hash");

            if (strncmp(fact->name, "story.", 6) != 0 || !hash || !hash[0] ||
                td_fact_get(fact, "what"))
                continue;
            if (!fact->quote || !strstr(fact->quote, hash))
                fail_msg("%s: %s says nothing of %s", rows[i].says, fact->name, hash);
            said++;
        }
        close_play(&p);
    }
    assert_true(said > TD_N_OF(rows) / 2);
}

/* What may follow from a part of something healthy, wherever it is cut: nothing of these. */
static void no_part_of_a_healthy_log_looks_sick(void **unused)
{
    static const char *const never[] = {
        "story.unexplained",     "story.pending-survived",  "story.mark-probably-survived",
        "story.reverted",        "story.slot1-vanished",    "story.silent",
        "story.all-unsupported", "story.confirm-unchanged", "story.no-swap",
        "smp.foreign",           "smp.unanswered",          "upload.timeout",
        "boot.request-not-seen", "boot.decided-otherwise",  "boot.asked-not-done",
        "story.no-mark",
    };
    static const char *const healthy[] = {
        HEALTHY,
        HEALTHY "down 0\nfile\n" MOVE_BOOT("good", "test") SWAPPED BOOT_END,
        MOVE_BOOT("unset", "none") BOOT_END MOVE_BOOT("good", "test") SWAPPED BOOT_END,
    };

    (void)unused;
    for (size_t i = 0; i < TD_N_OF(healthy); i++)
        for (size_t skip = 0; skip < 60; skip++)
            for (size_t n = 0; n < 60; n++) {
                const char *from = healthy[i];
                struct play p;

                for (size_t k = 0; k < skip && strchr(from, '\n'); k++)
                    from = strchr(from, '\n') + 1;
                open_play(&p);
                play(&p, from, n);
                for (size_t k = 0; k < TD_N_OF(never); k++)
                    if (td_facts_hold(p.facts, never[k]))
                        fail_msg("%s, from step %zu, %zu steps: %s", healthy[i], skip, n, never[k]);
                close_play(&p);
            }
}

static void what_a_log_has_shown_stays_true(void **unused)
{
    static const char *const stays[] = {
        "storage.erase rc=8",
        "story.confirm-unchanged hash=b1b1b1b1",
        "story.pending-at-start hash=b1b1b1b1",
        "story.mark-probably-survived hash=b1b1b1b1",
        "slot when=first hash=a0a0a0a0",
        "server generation=old",
        "reset answered=1",
        "link.down during=after-reset",
    };
    size_t seen = 0;

    (void)unused;
    for (size_t n = 0; n < 40; n++) {
        struct play p;
        size_t hold = 0;

        open_play(&p);
        play(&p, STUCK, n);
        for (size_t k = 0; k < TD_N_OF(stays); k++)
            hold += td_facts_hold(p.facts, stays[k]);
        assert_true(hold >= seen);
        seen = hold;
        close_play(&p);
    }
    assert_int_equal(seen, TD_N_OF(stays));
}

/* Acts, boots, steps and facts beyond the limits: the beginning and the end are there. */
static void a_long_log_keeps_its_ends(void **unused)
{
    struct play p;
    size_t n;

    (void)unused;
    open_play(&p);
    for (unsigned i = 0; i < 3000; i++) {
        char step[64];

        if (i % 5 == 0)
            snprintf(step, sizeof step, "up");
        else if (i % 5 == 4)
            snprintf(step, sizeof step, "reset -> ok");
        else
            snprintf(step, sizeof step, "list 0:%08x:ac", 0x10000000u + i);
        play_step(&p, step);
        line(&p, TD_DIALECT_ZEPHYR, "Starting bootloader");
        line(&p, TD_DIALECT_ZEPHYR, "Jumping to the first image slot");
    }
    td_story_end(p.story);
    n = td_story_count(p.story);
    assert_int_equal(n, TD_STORY_STEPS);
    assert_string_equal(td_story_at(p.story, 0)->text, "the phone (Android) connects");
    assert_int_equal(td_story_at(p.story, n - 1)->at.line, p.at.line - 1);
    assert_true(td_facts_hold(p.facts, "slot when=last hash=10000bb6"));
    close_play(&p);
}

/* ---- whole files, through the reader ---- */

struct reading {
    struct td_event_sink sink;
    struct td_facts *facts;
    struct td_story *story;
};

static void take(struct td_event_sink *sink, const struct td_event *event)
{
    td_story_take(((struct reading *)(void *)sink)->story, event);
}

static void read_text(struct reading *r, const char *text, size_t len)
{
    struct td_reader *reader;

    r->sink.take = take;
    r->facts = td_facts_new();
    r->story = td_story_new(r->facts);
    reader = td_reader_new(0, &r->sink);
    assert_non_null(r->story);
    assert_non_null(reader);
    td_reader_feed(reader, text, len);
    td_reader_end(reader);
    td_story_file_end(r->story);
    td_story_end(r->story);
}

static void close_reading(struct reading *r)
{
    td_story_free(r->story);
    td_facts_free(r->facts);
}

static char *phone_log(void)
{
    FILE *in = fopen(TD_ROOT "/tests/corpus/doctor-story/phone.log", "rb");
    char *text = calloc(1, 65536);

    assert_non_null(in);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, in) > 1000);
    fclose(in);
    return text;
}

/* "V\t08:47:42.977\t[McuMgr] ..." without what its app wrote in front. */
static void bare(const char *line, char *out)
{
    strcpy(out, strlen(line) > 15 ? line + 15 : line);
}

static void blanks(const char *line, char *out)
{
    strcpy(out, line);
    for (char *p = strchr(out, '\t'); p; p = strchr(p, '\t'))
        *p = ' ';
}

static void cited(const char *line, char *out)
{
    sprintf(out, "> %s", line);
}

static void same(const char *line, char *out)
{
    strcpy(out, line);
}

/* The file with each line changed; the second session in front when turned. */
static char *dressed(const char *text, void (*change)(const char *line, char *out), bool turned)
{
    char *out = calloc(2, 65536), *second = calloc(1, 65536), *copy = strdup(text), *save = NULL;
    unsigned sessions = 0;

    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *to;

        sessions += strstr(line, "(CONNECTED)") != NULL;
        to = turned && sessions < 2 ? second : out;
        change(line, to + strlen(to));
        strcat(to, "\n");
    }
    if (turned)
        strcat(out, second);
    free(copy);
    free(second);
    return out;
}

static const char *const of_the_phone[] = {
    "storage.erase rc=8",
    "state.write kind=confirm hash=9d07e65b changed=0",
    "server generation=old",
    "story.nothing-uploaded",
    "story.pending-at-start hash=9d07e65b",
    "story.confirm-unchanged hash=9d07e65b",
    "story.mark-probably-survived hash=9d07e65b running=3f81a2c4",
    "reset answered=1",
    "story.not-verified",
    "story.unexplained what=mark-survived",
};

static void the_same_log_in_another_dress_says_the_same(void **unused)
{
    static const struct {
        const char *says;
        void (*change)(const char *line, char *out);
        bool turned;
    } dresses[] = {
        { "as it is", same, false },
        { "without clock and level", bare, false },
        { "blanks for tabs", blanks, false },
        { "cited in a post", cited, false },
        { "the last session first", same, true },
    };
    char *text = phone_log();

    (void)unused;
    for (size_t i = 0; i < TD_N_OF(dresses); i++) {
        char *changed = dressed(text, dresses[i].change, dresses[i].turned);
        struct reading r;

        read_text(&r, changed, strlen(changed));
        for (size_t k = 0; k < TD_N_OF(of_the_phone); k++)
            if (!td_facts_hold(r.facts, of_the_phone[k]))
                fail_msg("%s: lacks %s", dresses[i].says, of_the_phone[k]);
        close_reading(&r);
        free(changed);
    }
    free(text);
}

/* Cut behind any line, and in the middle of any: what was seen so far is still there. */
static void a_file_may_end_anywhere(void **unused)
{
    char *text = phone_log();
    size_t seen = 0, len = strlen(text);

    (void)unused;
    for (size_t n = 0; n <= len; n += n + 1 < len && text[n] == '\n' ? 1 : 29) {
        struct reading r;
        size_t hold = 0;

        read_text(&r, text, n);
        for (size_t k = 0; k < TD_N_OF(of_the_phone); k++)
            // Until somebody looks, nobody has; the list that does look comes earlier here.
            hold += strcmp(of_the_phone[k], "story.not-verified") != 0 &&
                    td_facts_hold(r.facts, of_the_phone[k]);
        assert_true(hold >= seen);
        seen = hold;
        close_reading(&r);
    }
    assert_int_equal(seen, TD_N_OF(of_the_phone) - 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_script_yields_its_facts_and_no_others),
        cmocka_unit_test(what_follows_for_an_image_is_a_sentence_about_it),
        cmocka_unit_test(no_part_of_a_healthy_log_looks_sick),
        cmocka_unit_test(what_a_log_has_shown_stays_true),
        cmocka_unit_test(a_long_log_keeps_its_ends),
        cmocka_unit_test(the_same_log_in_another_dress_says_the_same),
        cmocka_unit_test(a_file_may_end_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
