/*
 * tools/verb_image.c - tandem image list | slots | upload | test | confirm | erase.
 *
 * A device that says "done" to test, confirm or erase has proved nothing: older servers say so
 * when nothing happened. Each step reads the flags again and says what they mean.
 */
#include <string.h>

#include "base/range.h"
#include "client/upload.h"
#include "smp/error.h"
#include "tools/imagefile.h"
#include "tools/images.h"
#include "tools/upload_say.h"
#include "tools/watch.h"

/* ---- list and slots ------------------------------------------------------------------ */

static int list_once(struct td_device *dev, void *ctx)
{
    struct td_reply reply;
    int exit = td_read_states(dev, &reply);

    (void)ctx;
    if (exit == TD_EXIT_OK)
        td_print_states(dev->cli, &reply.of.images);
    return exit;
}

static int image_list(struct td_cli *cli, int argc, char **argv)
{
    struct td_watch watch;
    int exit = td_watch_args(cli, argc, argv, &watch, NULL);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_watch_run(cli, &watch, list_once, NULL);
}

static void print_slots_json(struct td_cli *cli, const struct td_slot_sizes *slots)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < slots->n; i++) {
        const struct td_slot_size *s = &slots->at[i];
        json_t *o = json_pack("{s:i, s:i}", "image", (int)s->image, "slot", (int)s->slot);

        json_object_set_new(o, "size", s->has_size ? json_integer(s->size) : json_null());
        json_object_set_new(o, "max_image_size", s->has_max ? json_integer(s->max) : json_null());
        json_object_set_new(o, "upload_image",
                            s->has_upload_image ? json_integer(s->upload_image) : json_null());
        json_array_append_new(list, o);
    }
    td_cli_json(cli, json_pack("{s:o}", "slots", list));
}

static void print_number(FILE *out, bool known, uint32_t number, int width)
{
    if (known)
        fprintf(out, "  %*u", width, number);
    else
        fprintf(out, "  %*s", width, "-");
}

static void print_slots(struct td_cli *cli, const struct td_slot_sizes *slots)
{
    if (cli->json) {
        print_slots_json(cli, slots);
        return;
    }
    fprintf(cli->out, "%sslot         size  largest image  upload as image%s\n",
            td_cli_color(cli, cli->out, "1"), td_cli_color(cli, cli->out, "0"));
    for (unsigned i = 0; i < slots->n; i++) {
        const struct td_slot_size *s = &slots->at[i];
        char slot[24];

        td_slot_text(s->image, s->slot, slot);
        fprintf(cli->out, "%-6s", slot);
        print_number(cli->out, s->has_size, s->size, 9);
        print_number(cli->out, s->has_max, s->max, 13);
        print_number(cli->out, s->has_upload_image, s->upload_image, 15);
        fputc('\n', cli->out);
    }
}

static int image_slots(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_SLOT_INFO };
    struct td_device dev;
    struct td_reply reply;
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    exit = td_device_open(&dev, cli);
    if (exit != TD_EXIT_OK)
        return exit;
    if (td_device_ask(&dev, &request, &reply))
        print_slots(cli, &reply.of.slots);
    else
        exit = td_device_failed(
            &dev, &reply.failure, "asking for slot information",
            td_failure_unsupported(&reply.failure) ? "tandem image list works without it" : NULL);
    td_device_close(&dev);
    return exit;
}

/* ---- upload -------------------------------------------------------------------------- */

struct upload {
    struct td_device *dev;
    struct td_upload core;
    struct td_progress bar;
    uint64_t said_ms;
    uint8_t restarts; /* of core, as they were told */
    uint32_t begun;
    bool start_told;
};

static size_t upload_send(void *state, uint64_t now, uint8_t *buf, size_t cap)
{
    return td_upload_send(&((struct upload *)state)->core, now, buf, cap);
}

static void upload_receive(void *state, uint64_t now, const uint8_t *packet, size_t len)
{
    td_upload_receive(&((struct upload *)state)->core, now, packet, len);
}

static void upload_link(void *state, uint64_t now, bool up)
{
    td_upload_link(&((struct upload *)state)->core, up, now);
}

static uint64_t upload_wake(void *state)
{
    return td_upload_wake_ms(&((struct upload *)state)->core);
}

static bool upload_done(void *state)
{
    return td_upload_done(&((struct upload *)state)->core);
}

/* What does not simply go on: a device that was reset, or has the beginning of the file. */
static void upload_say_turns(struct upload *u)
{
    const struct td_upload *core = &u->core;

    if (core->restarts != u->restarts || core->begun != u->begun ||
        (core->start_told && !u->start_told))
        td_progress_end(&u->bar);
    if (core->restarts != u->restarts) {
        td_device_log(u->dev, "upload: the device has lost it");
        td_cli_note(u->dev->cli, "The device lost the upload, probably by a reset; it is asked how "
                                 "much it kept.");
    }
    if (core->begun != u->begun) {
        u->start_told = false;
        if (core->went_on || core->begun > 1)
            td_upload_say_resumed(u->dev, core->went_on ? core->resumed_at : 0, core->cfg.src.size);
    }
    if (core->start_told && !u->start_told)
        td_upload_say_start(u->dev, core->start, core->begun > 1);
    u->restarts = core->restarts;
    u->begun = core->begun;
    u->start_told = core->start_told;
}

static void upload_turn(void *state)
{
    struct upload *u = state;
    struct td_cli *cli = u->dev->cli;
    uint32_t size = u->core.cfg.src.size;
    uint64_t now = td_clock_ms();

    upload_say_turns(u);
    td_progress_at(&u->bar, u->core.acked, size);
    if (cli->json && (now - u->said_ms >= 500 || u->core.acked == size)) {
        u->said_ms = now;
        td_cli_json(cli,
                    json_pack("{s:s, s:I, s:I, s:I}", "event", "upload", "offset",
                              (json_int_t)u->core.acked, "size", (json_int_t)size, "bytes_per_s",
                              (json_int_t)td_upload_rate(&u->core, uv_now(&u->dev->loop))));
    }
}

static const struct td_core upload_core = {
    .send = upload_send,
    .receive = upload_receive,
    .link = upload_link,
    .wake_ms = upload_wake,
    .done = upload_done,
    .turn = upload_turn,
};

static int run_upload(struct td_device *dev, const struct td_image_file *f, uint32_t image)
{
    struct td_request params = { .kind = TD_REQ_PARAMS, .probe = true };
    struct td_request kept = { .kind = TD_REQ_UPLOAD_STATE, .probe = true };
    struct td_upload_config config = { .src = f->src, .sha = f->sha, .image = (uint8_t)image };
    struct td_reply reply;
    struct upload u = { .dev = dev };

    if (td_device_ask(dev, &params, &reply)) {
        config.buf_size = reply.of.params.buf_size;
        config.buf_count = reply.of.params.buf_count;
        config.has_tandem = td_device_ask(dev, &kept, &reply);
    }
    if (dev->interrupted || reply.failure.err == TD_ELINKDOWN)
        return td_device_failed(dev, &reply.failure, "asking for the size of its buffers", NULL);
    td_progress_begin(&u.bar, dev->cli, "upload");
    uv_update_time(&dev->loop);
    td_upload_start(&u.core, &dev->session, &config, uv_now(&dev->loop));
    td_device_run(dev, &upload_core, &u);
    td_progress_end(&u.bar);
    if (u.core.state == TD_UPLOAD_DONE)
        return TD_EXIT_OK;
    if (!td_upload_done(&u.core))
        td_upload_stop(&u.core);
    return td_device_failed(
        dev, &u.core.failure, "uploading",
        dev->interrupted ? "the same command again goes on where this one stopped" : NULL);
}

static int no_such_slot(struct td_cli *cli, uint32_t image, uint32_t slot)
{
    char name[24];

    snprintf(name, sizeof name, "%u.%u", image, slot);
    return td_cli_fail(cli, TD_EXIT_REFUSED, "no-such-slot", "the device has no such slot", name,
                       "tandem image slots shows which there are");
}

/*
 * Which number "image" of the upload reaches the slot that was asked for. An old server takes
 * any number and writes its only second slot, so what the device tells is looked at first.
 */
static int find_upload_image(struct td_device *dev, bool has_slot, uint32_t image, uint32_t slot,
                             uint32_t *number)
{
    struct td_request request = { .kind = TD_REQ_SLOT_INFO };
    struct td_reply reply;
    bool has_image = false, has_it = false;
    char name[24];

    *number = image;
    if (td_device_ask(dev, &request, &reply)) {
        for (unsigned i = 0; i < reply.of.slots.n; i++) {
            const struct td_slot_size *s = &reply.of.slots.at[i];

            has_image |= s->image == image;
            if (s->image != image || s->slot != slot)
                continue;
            has_it = true;
            if (s->has_upload_image)
                *number = s->upload_image;
            if (s->has_upload_image && has_slot)
                return TD_EXIT_OK;
        }
        if (!has_image || (has_slot && !has_it))
            return no_such_slot(dev->cli, image, slot);
    } else if (reply.failure.err != TD_EREFUSED) {
        return td_device_failed(dev, &reply.failure, "asking for slot information", NULL);
    }
    // Without a word from the device, only its own choice of the slot is safe.
    if (!has_slot || slot == 1) {
        *number = image;
        return TD_EXIT_OK;
    }
    td_slot_text(image, slot, name);
    return td_cli_fail(dev->cli, TD_EXIT_REFUSED, "slot-not-reachable",
                       "the device does not say how an upload reaches this slot", name,
                       "leave --slot out: the device then takes the slot that is free");
}

static int say_uploaded(struct td_device *dev, const struct td_image_file *f, uint32_t image)
{
    struct td_cli *cli = dev->cli;
    struct td_reply reply;
    const struct td_image_state *found;
    char hex[129], slot[24];
    int exit = td_read_states(dev, &reply);

    if (exit != TD_EXIT_OK)
        return exit;
    found = NULL;
    for (unsigned i = 0; i < reply.of.images.n; i++) {
        const struct td_image_state *s = &reply.of.images.at[i];

        if (s->hash_len == f->facts.hash_len && s->hash_len > 0 &&
            memcmp(s->hash, f->facts.hash, s->hash_len) == 0 && (!found || found->active))
            found = s;
    }
    if (!found)
        return td_cli_fail(cli, TD_EXIT_REFUSED, "not-listed",
                           "the device took every byte, but does not list the image", f->path,
                           "tandem image list shows what it has; tandem image slots, "
                           "whether the image fits");
    td_hex(found->hash, found->hash_len, hex);
    td_slot_text(found->image, found->slot, slot);
    if (found->image != image)
        return td_cli_fail(cli, TD_EXIT_REFUSED, "other-image",
                           "the device wrote the file to a slot of another image", slot,
                           "it may know one image only: tandem image erase takes the file away");
    if (cli->json)
        td_cli_json(cli, json_pack("{s:s, s:s, s:i, s:i, s:s}", "result", "uploaded", "hash", hex,
                                   "image", (int)found->image, "slot", (int)found->slot, "text",
                                   td_state_words(&reply.of.images, found)));
    else
        fprintf(cli->out, "%s lies in %s: %s.\n", f->path, slot,
                td_state_words(&reply.of.images, found));
    if (!found->pending && !found->active)
        td_cli_note(cli, "tandem image test %.16s has it tried at the next reset.", hex);
    return TD_EXIT_OK;
}

static int upload_file(struct td_cli *cli, const char *path, bool has_slot, uint32_t image,
                       uint32_t slot)
{
    struct td_image_file f;
    struct td_device dev;
    uint32_t number = image;
    int exit = td_image_file_open(cli, path, false, &f);

    if (exit == TD_EXIT_OK)
        exit = td_device_open(&dev, cli);
    if (exit == TD_EXIT_OK) {
        if (has_slot || image > 0)
            exit = find_upload_image(&dev, has_slot, image, has_slot ? slot : 1, &number);
        if (exit == TD_EXIT_OK)
            exit = run_upload(&dev, &f, number);
        if (exit == TD_EXIT_OK)
            exit = say_uploaded(&dev, &f, image);
        td_device_close(&dev);
    }
    td_image_file_close(&f);
    return exit;
}

static int image_upload(struct td_cli *cli, int argc, char **argv)
{
    enum { IMAGE, SLOT };
    static const struct td_opt opts[] = {
        { "image", 0, true, IMAGE },
        { "slot", 0, true, SLOT },
    };
    struct td_args args;
    const char *path = NULL;
    uint32_t image = 0, slot = 0, slot_image = 0;
    bool has_slot = false, has_image = false;
    int got;

    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        switch (got) {
        case IMAGE:
            if (!td_parse_u32(args.value, 0, 255, &image))
                return td_cli_usagef(cli, "--image wants a number, not '%s'", args.value);
            has_image = true;
            break;
        case SLOT:
            if (!td_parse_slot(args.value, &slot_image, &slot))
                return td_cli_usagef(cli, "'%s' is no slot: slot0, slot1, or IMAGE.SLOT",
                                     args.value);
            has_slot = true;
            break;
        case TD_ARG_WORD:
            if (path)
                return td_cli_usage(cli, "an upload is of one file");
            path = args.value;
            break;
        default: return args.exit;
        }
    }
    if (!path)
        return td_cli_usage(cli, "the file to send is missing");
    if (has_slot && has_image && slot_image != 0 && slot_image != image)
        return td_cli_usage(cli, "--image and --slot name different images");
    if (slot_image != 0)
        image = slot_image;
    return upload_file(cli, path, has_slot, image, slot);
}

/* ---- test and confirm ---------------------------------------------------------------- */

static const struct td_image_state *same_slot(const struct td_image_states *list,
                                              const struct td_image_state *as)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (list->at[i].image == as->image && list->at[i].slot == as->slot)
            return &list->at[i];
    }
    return NULL;
}

/* Sends the request and reads the list again; what the request was answered proves nothing. */
static int write_state(struct td_device *dev, const struct td_request *request, const char *what,
                       struct td_reply *after)
{
    if (!td_device_ask(dev, request, after))
        return td_device_failed(dev, &after->failure, what, NULL);
    return td_read_states(dev, after);
}

static int say_state(struct td_cli *cli, const struct td_image_states *list,
                     const struct td_image_state *now)
{
    char slot[24];

    if (cli->json) {
        td_cli_json(cli, td_states_json(list));
        return TD_EXIT_OK;
    }
    td_slot_text(now->image, now->slot, slot);
    fprintf(cli->out, "%s, version %s: %s.\n", slot, now->version[0] ? now->version : "unknown",
            td_state_words(list, now));
    return TD_EXIT_OK;
}

static int nothing_happened(struct td_cli *cli, const struct td_image_states *list,
                            const struct td_image_state *now, const char *text)
{
    char where[160], slot[24] = "the slot is empty";

    if (now) {
        td_slot_text(now->image, now->slot, slot);
        snprintf(where, sizeof where, "%s: %s", slot, td_state_words(list, now));
    } else {
        snprintf(where, sizeof where, "%s", slot);
    }
    return td_cli_fail(cli, TD_EXIT_REFUSED, "nothing-happened", text, where,
                       "tandem image erase and a new upload begin from a clean slot");
}

static int test_found(struct td_device *dev, const struct td_image_states *list,
                      const struct td_image_state *wanted)
{
    struct td_request request = { .kind = TD_REQ_IMAGE_TEST, .hash_len = wanted->hash_len };
    struct td_reply after;
    const struct td_image_state *now;
    int exit;

    if (wanted->active)
        return td_cli_fail(dev->cli, TD_EXIT_REFUSED, "running",
                           "this image runs already, there is nothing to try", wanted->version,
                           wanted->confirmed ? NULL : "tandem image confirm keeps it");
    if (wanted->pending)
        return say_state(dev->cli, list, wanted);
    memcpy(request.hash, wanted->hash, wanted->hash_len);
    exit = write_state(dev, &request, "marking the image for test", &after);
    if (exit != TD_EXIT_OK)
        return exit;
    now = same_slot(&after.of.images, wanted);
    if (!now || !now->pending)
        return nothing_happened(dev->cli, &after.of.images, now,
                                "the device agreed, but the image is not pending");
    return say_state(dev->cli, &after.of.images, now);
}

static int image_test(struct td_cli *cli, int argc, char **argv)
{
    struct td_device dev;
    struct td_reply list;
    const struct td_image_state *wanted;
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (!word)
        return td_cli_usage(cli, "which image, by HASH or FILE?");
    exit = td_device_open(&dev, cli);
    if (exit != TD_EXIT_OK)
        return exit;
    exit = td_read_states(&dev, &list);
    if (exit == TD_EXIT_OK)
        exit = td_find_image(cli, &list.of.images, word, &wanted);
    if (exit == TD_EXIT_OK)
        exit = test_found(&dev, &list.of.images, wanted);
    td_device_close(&dev);
    return exit;
}

static int ask_confirm(struct td_device *dev, const struct td_image_state *wanted,
                       struct td_reply *after)
{
    struct td_request request = { .kind = TD_REQ_IMAGE_CONFIRM };

    // Without a hash it is the running image that is meant, on every server there is.
    if (!wanted->active) {
        memcpy(request.hash, wanted->hash, wanted->hash_len);
        request.hash_len = wanted->hash_len;
        return write_state(dev, &request, "confirming the image", after);
    }
    if (td_device_ask(dev, &request, after))
        return td_read_states(dev, after);
    // Some old servers want a hash of no bytes to mean the same.
    if (after->failure.err == TD_EREFUSED && !after->failure.by_group &&
        after->failure.code == TD_SMP_RC_INVALID) {
        request.empty_hash = true;
        return write_state(dev, &request, "confirming the running image", after);
    }
    return td_device_failed(dev, &after->failure, "confirming the running image", NULL);
}

static int confirm_found(struct td_device *dev, const struct td_image_states *list,
                         const struct td_image_state *wanted)
{
    struct td_cli *cli = dev->cli;
    struct td_reply after;
    const struct td_image_state *now;
    int exit;

    if (wanted->active && wanted->confirmed)
        return say_state(cli, list, wanted);
    if (wanted->pending && wanted->permanent)
        return say_state(cli, list, wanted);
    if (wanted->pending)
        return td_cli_fail(cli, TD_EXIT_REFUSED, "pending",
                           "this image waits for its trial; confirming comes after it has run",
                           wanted->version,
                           "tandem os reset lets it run, then tandem image confirm");
    exit = ask_confirm(dev, wanted, &after);
    if (exit != TD_EXIT_OK)
        return exit;
    now = same_slot(&after.of.images, wanted);
    if (!now || !(wanted->active ? now->confirmed : now->pending && now->permanent))
        return nothing_happened(cli, &after.of.images, now,
                                "the device agreed, but the image is not confirmed");
    return say_state(cli, &after.of.images, now);
}

static int image_confirm(struct td_cli *cli, int argc, char **argv)
{
    struct td_device dev;
    struct td_reply list;
    const struct td_image_state *wanted = NULL;
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    exit = td_device_open(&dev, cli);
    if (exit != TD_EXIT_OK)
        return exit;
    exit = td_read_states(&dev, &list);
    if (exit == TD_EXIT_OK && word)
        exit = td_find_image(cli, &list.of.images, word, &wanted);
    else if (exit == TD_EXIT_OK)
        wanted = td_states_active(&list.of.images, 0);
    if (exit == TD_EXIT_OK && !wanted)
        exit = td_cli_fail(cli, TD_EXIT_REFUSED, "no-active-image",
                           "the device does not say which image runs", NULL,
                           "name the image: tandem image confirm HASH");
    if (exit == TD_EXIT_OK)
        exit = confirm_found(&dev, &list.of.images, wanted);
    td_device_close(&dev);
    return exit;
}

/* ---- erase --------------------------------------------------------------------------- */

/* Erasing needs no free slot: the device means that it does not give this one away. */
static bool is_kept(const struct td_failure *f)
{
    return f->by_group && f->group == TD_SMP_GROUP_IMAGE && f->code == TD_IMG_NO_FREE_SLOT;
}

static int erase_slot(struct td_device *dev, const struct td_request *request, uint32_t image,
                      uint32_t slot)
{
    struct td_cli *cli = dev->cli;
    struct td_reply reply;
    char name[24];
    int exit;

    if (!td_device_ask(dev, request, &reply))
        return td_device_failed(dev, &reply.failure, "erasing the slot",
                                is_kept(&reply.failure) ? "a slot that runs, is pending or is "
                                                          "needed to revert is kept: tandem "
                                                          "image list"
                                                        : NULL);
    exit = td_read_states(dev, &reply);
    if (exit != TD_EXIT_OK)
        return exit;
    td_slot_text(image, slot, name);
    for (unsigned i = 0; request->has_slot && i < reply.of.images.n; i++) {
        const struct td_image_state *s = &reply.of.images.at[i];

        if (s->image == image && s->slot == slot)
            return td_cli_fail(cli, TD_EXIT_REFUSED, "nothing-happened",
                               "the device agreed, but the slot still holds an image", name, NULL);
    }
    if (cli->json)
        td_cli_json(cli, td_states_json(&reply.of.images));
    else
        fprintf(cli->out, "%s is empty.\n",
                request->has_slot ? name : "The slot that does not run");
    return TD_EXIT_OK;
}

static int image_erase(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_IMAGE_ERASE };
    struct td_device dev;
    const char *word;
    uint32_t image = 0, slot = 1;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (word && !td_parse_slot(word, &image, &slot))
        return td_cli_usagef(cli, "'%s' is no slot: slot0, slot1, or IMAGE.SLOT", word);
    request.has_slot = word != NULL;
    request.slot = image * 2 + slot;
    exit = td_device_open(&dev, cli);
    if (exit != TD_EXIT_OK)
        return exit;
    exit = erase_slot(&dev, &request, image, slot);
    td_device_close(&dev);
    return exit;
}

/* ---- table --------------------------------------------------------------------------- */

static const struct td_verb image_verbs[] = {
    { .name = "list",
      .kind = TD_VERB_DEVICE,
      .summary = "which images the device has, and what their flags mean",
      .usage = "usage: tandem image list [--watch [SECONDS]] [--json]\n\n"
               "Which images lie in which slot, and what their flags mean.\n\n" TD_WATCH_USAGE,
      .run = image_list },
    { .name = "slots",
      .kind = TD_VERB_DEVICE,
      .summary = "how large the slots are",
      .usage = "usage: tandem image slots [--json]\n\n"
               "How large each slot is, the largest image that can be swapped, and which number\n"
               "an upload names to reach the slot. Not every firmware tells.\n",
      .run = image_slots },
    { .name = "upload",
      .kind = TD_VERB_DEVICE,
      .summary = "send a file, and no more",
      .usage = "usage: tandem image upload FILE [--image N] [--slot SLOT] [--json]\n\n"
               "Sends a signed image into the slot that does not run. It is not tried before\n"
               "`tandem image test`. An upload that was interrupted goes on where it stopped.\n\n"
               "  --image N    which image of a device with several (default 0)\n"
               "  --slot SLOT  slot0, slot1, or IMAGE.SLOT, where the device offers the choice\n",
      .run = image_upload },
    { .name = "test",
      .kind = TD_VERB_DEVICE,
      .summary = "have an image tried at the next reset",
      .usage = "usage: tandem image test HASH|FILE [--json]\n\n"
               "Has an image tried at the next reset. HASH is 8 hex digits or more.\n",
      .run = image_test },
    { .name = "confirm",
      .kind = TD_VERB_DEVICE,
      .summary = "keep the running image, or install one without a trial",
      .usage = "usage: tandem image confirm [HASH|FILE] [--json]\n\n"
               "Keeps the running image. With the hash of one that does not run, that one is\n"
               "installed at the next reset without a trial: there is no way back then.\n",
      .run = image_confirm },
    { .name = "erase",
      .kind = TD_VERB_DEVICE,
      .summary = "empty a slot",
      .usage = "usage: tandem image erase [SLOT] [--json]\n\n"
               "Empties a slot: slot0, slot1, or IMAGE.SLOT; without one, that which does not\n"
               "run.\n",
      .run = image_erase },
};

const struct td_verb td_verb_image = {
    .name = "image",
    .kind = TD_VERB_DEVICE,
    .summary = "single steps: list, slots, upload, test, confirm, erase",
    .subs = image_verbs,
    .n_subs = TD_N_OF(image_verbs),
};
