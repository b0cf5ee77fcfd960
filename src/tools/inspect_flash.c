/*
 * tools/inspect_flash.c - a dump or a hex file explained: what lies where, how the slots stand,
 * what the next boot will do.
 */
#include <string.h>

#include "base/range.h"
#include "base/verdict.h"
#include "boot/note.h"
#include "log/log.h"
#include "tools/b0.h"
#include "tools/inspect.h"

struct flash {
    struct td_inspect *session;
    const char *path;
    bool hex;
    struct td_memory m;
    struct td_survey s;
    bool has_plan;
    struct td_plan plan;
    struct td_outlook outlook;
    struct td_map map;
};

/* ---- the boot log ------------------------------------------------------------------- */

/* Where it lies, and the size of its sectors; size 0: there is none. */
static struct td_place_of log_place(const struct flash *f, uint32_t *sector)
{
    *sector = f->has_plan ? f->plan.sector : 4096;
    if (f->has_plan && f->plan.boot_log.size > 0)
        return f->plan.boot_log;
    for (size_t i = 0; i < f->s.n; i++) {
        if (f->s.at[i].kind != TD_THING_LOG)
            continue;
        *sector = f->s.at[i].u.log.sector;
        return (struct td_place_of){ f->s.at[i].addr, f->s.at[i].size };
    }
    return (struct td_place_of){ 0, 0 };
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* The facts that tell one entry of a log from the next. */
static void verdict_text(const struct td_verdict *v, char *out, size_t cap)
{
    char hash[2 * TD_VERDICT_HASH_LEN + 1] = "";
    int n = snprintf(out, cap, "slot %u", v->slot);

    if (v->found_version.major != 0 || v->found_version.minor != 0 ||
        v->found_version.revision != 0)
        n += snprintf(out + n, cap - (size_t)n, ", version %u.%u.%u", v->found_version.major,
                      v->found_version.minor, v->found_version.revision);
    if (!is_zero(v->hash, sizeof v->hash)) {
        td_hex(v->hash, sizeof v->hash, hash);
        n += snprintf(out + n, cap - (size_t)n, ", hash %s", hash);
    }
    if (v->count > 1)
        snprintf(out + n, cap - (size_t)n, ", %u times in a row", v->count);
}

/* Calls take for each entry, newest first; returns how many there are. */
static unsigned each_verdict(const struct flash *f,
                             void (*take)(const struct td_verdict *v, void *ctx), void *ctx)
{
    uint32_t sector;
    struct td_place_of at = log_place(f, &sector);
    struct td_window w;
    struct td_log log = { &w.area };
    struct td_log_iter it;
    struct td_verdict v;
    bool end = false;
    unsigned n = 0;

    if (at.size == 0 || !td_memory_has(&f->m, at.addr, at.size) ||
        !td_window_flash(&w, &f->m, at.addr, at.size, sector, 1) || td_log_check(&log) != TD_OK)
        return 0;
    td_log_begin(&it, &log);
    while (n < 1000 && td_log_next(&it, &v, &end) == TD_OK && !end) {
        take(&v, ctx);
        n++;
    }
    return n;
}

static void print_verdict(const struct td_verdict *v, void *ctx)
{
    char facts[160];

    verdict_text(v, facts, sizeof facts);
    fprintf(ctx, "  %4u  %s: %s (%s)\n", v->seq, td_verdict_name(v->code),
            td_verdict_sentence(v->code), facts);
}

static void append_verdict(const struct td_verdict *v, void *ctx)
{
    char facts[160];

    verdict_text(v, facts, sizeof facts);
    json_array_append_new(ctx, json_pack("{s:I, s:s, s:i, s:i, s:s, s:s}", "seq",
                                         (json_int_t)v->seq, "verdict", td_verdict_name(v->code),
                                         "slot", (int)v->slot, "count", (int)v->count, "text",
                                         td_verdict_sentence(v->code), "facts", facts));
}

static void count_verdict(const struct td_verdict *v, void *ctx)
{
    (void)v, (void)ctx;
}

/* ---- the note of Tandem's bootloader ------------------------------------------------ */

static bool open_trailer(const struct flash *f, unsigned slot, struct td_window *w,
                         struct td_trailer *t)
{
    struct td_place_of at = f->outlook.slot[slot].at;

    if (!f->has_plan || at.size == 0 ||
        !td_window_flash(w, &f->m, at.addr, at.size, f->plan.sector, f->plan.write_size))
        return false;
    *t = (struct td_trailer){
        .area = &w->area,
        .mode = f->plan.mode,
        .max_sectors = f->plan.max_sectors,
        .write_size = f->plan.write_size,
        .max_align = f->plan.max_align,
    };
    return td_trailer_check(t) == TD_OK;
}

static bool read_note(const struct flash *f, unsigned slot, struct td_note *note)
{
    struct td_trailer t;
    struct td_window w;
    uint32_t off;

    return open_trailer(f, slot, &w, &t) && td_trailer_first_sector(&t, &off) == TD_OK &&
           td_note_read(&w.area, off, note);
}

/* What bytes without a mark are, when they stand where a trailer keeps something; or NULL. */
static const char *trailer_part(const struct flash *f, const struct td_thing *thing)
{
    for (unsigned n = 0; n < 2; n++) {
        uint32_t from = f->outlook.slot[n].at.addr;
        struct td_note note;
        struct td_trailer t;
        struct td_window w;
        uint32_t off;

        if (thing->kind != TD_THING_DATA || !open_trailer(f, n, &w, &t) || thing->addr < from)
            continue;
        if (td_trailer_first_sector(&t, &off) == TD_OK && thing->addr == from + off &&
            read_note(f, n, &note))
            return "Tandem's note of the swap";
        off = td_trailer_status_off(&t);
        if (thing->addr >= from + off && thing->addr < from + f->outlook.slot[n].at.size)
            return "status of the swap";
    }
    return NULL;
}

/* ---- for people --------------------------------------------------------------------- */

/* "  Tandem's note: ...", of the swap that the trailer tells of. */
static void say_note(const struct flash *f, unsigned n)
{
    char to[9], from[9];
    struct td_note note;

    if (!read_note(f, n, &note))
        return;
    td_hex(note.incoming, 4, to);
    td_hex(note.outgoing, 4, from);
    fprintf(f->session->cli->out, "  Tandem's note: %s of %s in place of %s\n",
            td_swap_type_word(note.type), to,
            is_zero(note.outgoing, sizeof note.outgoing) ? "nothing" : from);
}

static void say_slot(const struct flash *f, unsigned n)
{
    const struct td_slot_seen *slot = &f->outlook.slot[n];
    const struct td_trailer_state *t = &slot->trailer;
    FILE *out = f->session->cli->out;
    char text[TD_MAP_TEXT] = "no image";

    if (slot->at.size == 0) {
        fprintf(out, "slot %u: not in this file\n", n);
        return;
    }
    if (slot->image != NULL)
        td_thing_text(slot->image, text, sizeof text);
    fprintf(out, "slot %u, 0x%x to 0x%x: %s%s\n", n, slot->at.addr, slot->at.addr + slot->at.size,
            text, f->outlook.next == TD_NEXT_RESUME ? " (in the middle of a swap)" : "");
    if (slot->shifted)
        fprintf(out, "  the image begins one sector behind the slot's start, at 0x%x\n",
                slot->image->addr);
    if (!slot->trailer_read) {
        fprintf(out, "  trailer: cannot be read: the slot is smaller than its trailer, or no "
                     "multiple of its sectors\n");
        return;
    }
    if (t->magic == TD_MAGIC_UNSET)
        fprintf(out, "  trailer blank: %s\n", td_trailer_words(&f->plan, n, t));
    else
        fprintf(out, "  trailer magic %s, image_ok %s, copy_done %s: %s\n", td_magic_word(t->magic),
                td_flag_word(t->image_ok), td_flag_word(t->copy_done),
                td_trailer_words(&f->plan, n, t));
    if (t->swap_info == TD_FLAG_SET)
        fprintf(out, "  swap info: %s%s", td_swap_type_word(t->swap_type),
                slot->swap_size == 0 ? "\n" : "");
    if (t->swap_info == TD_FLAG_SET && slot->swap_size != 0)
        fprintf(out, ", %u bytes\n", slot->swap_size);
    say_note(f, n);
}

static size_t count_images(const struct flash *f, const struct td_thing **last)
{
    size_t n = 0;

    for (size_t i = 0; i < f->s.n; i++) {
        if (f->s.at[i].kind != TD_THING_IMAGE)
            continue;
        *last = &f->s.at[i];
        n++;
    }
    return n;
}

static void say_slots(const struct flash *f)
{
    FILE *out = f->session->cli->out;
    const struct td_thing *only = NULL;
    char text[TD_MAP_TEXT];

    if (!f->has_plan && count_images(f, &only) == 1) {
        td_thing_text(only, text, sizeof text);
        fprintf(out,
                "one image, at 0x%x: %s\n"
                "  where its slot ends, and what is asked for there, the file alone does not tell: "
                "--layout FILE\n",
                only->addr, text);
        return;
    }
    if (!f->has_plan) {
        fprintf(out, "no pair of slots recognised: --layout FILE says where they lie\n");
        return;
    }
    fprintf(out, "layout: %s%s, %s%s", f->plan.source,
            f->plan.guessed ? " (a guess; --layout FILE makes it sure)" : "",
            td_mode_name(f->plan.mode), f->plan.mode_known ? "" : " supposed");
    if (f->outlook.max_image > 0)
        fprintf(out, ", takes images up to %u bytes", f->outlook.max_image);
    fputc('\n', out);
    say_slot(f, 0);
    say_slot(f, 1);
    fprintf(out, "next boot: %s\n", f->outlook.text);
    if (f->outlook.why[0] != '\0')
        fprintf(out, "  %s\n", f->outlook.why);
    if (f->outlook.next == TD_NEXT_TEST || f->outlook.next == TD_NEXT_INSTALL)
        fprintf(out, "  (the signature is for the bootloader to judge: a dump does not say whom it "
                     "trusts)\n");
}

static void say_b0(const struct flash *f)
{
    FILE *out = f->session->cli->out;
    struct td_b0_outlook o;

    if (!td_b0_look(&o, &f->s))
        return;
    if (o.boots < 0)
        fprintf(out, "first stage: boots neither slot\n");
    else
        fprintf(out, "first stage: boots version %u from S%d\n",
                o.slot[o.boots].firmware->info.version, o.boots);
    for (int n = 0; n < (int)o.n_slots; n++) {
        if (n == o.boots)
            continue;
        fprintf(out, "  S%d, 0x%x: %s\n", n, o.slot[n].addr,
                o.slot[n].refused != NULL ? o.slot[n].refused
                                          : "bootable, and its version is not higher");
    }
}

static void say_things(const struct flash *f)
{
    FILE *out = f->session->cli->out;

    for (size_t i = 0; i < f->s.n; i++) {
        const struct td_thing *t = &f->s.at[i];

        if (t->kind == TD_THING_PROVISION)
            td_provision_say(out, &t->u.provision);
        if (!t->nsib.found)
            continue;
        fprintf(out, "0x%x:\n", t->nsib.start);
        td_nsib_say(out, "  ", &t->nsib);
    }
}

/* A program as the compiler left it: code from the first byte on, and no image anywhere. */
static bool is_program(const struct flash *f)
{
    if (f->has_plan || f->s.n == 0 || f->s.at[0].kind != TD_THING_CODE ||
        f->s.at[0].u.role != TD_CODE_UNKNOWN)
        return false;
    for (size_t i = 0; i < f->s.n; i++)
        if (f->s.at[i].kind == TD_THING_IMAGE || f->s.at[i].kind == TD_THING_TRAILER)
            return false;
    return true;
}

static void say(const struct flash *f)
{
    FILE *out = f->session->cli->out;

    if (is_program(f)) {
        fprintf(out,
                "%s: a program without MCUboot header: not signed, no bootloader takes it\n"
                "  starts     at 0x%x, with its stack at 0x%x\n"
                "  to do      tandem sign makes an image of it\n",
                f->path, f->s.at[0].vectors.reset & ~1u, f->s.at[0].vectors.stack);
        td_map_print(&f->map, out);
        return;
    }
    fprintf(out, "%s: %s, 0x%x to 0x%llx\n", f->path, f->hex ? "hex file" : "flash dump",
            td_memory_low(&f->m), (unsigned long long)td_memory_end(&f->m));
    if (f->has_plan || !td_b0_look(&(struct td_b0_outlook){ .n_slots = 0 }, &f->s))
        say_slots(f);
    say_b0(f);
    say_things(f);
    if (each_verdict(f, count_verdict, NULL) > 0) {
        fprintf(out, "boot log, newest first:\n");
        each_verdict(f, print_verdict, out);
    }
    td_inspect_settings_say(f->session, &f->s, &f->m, f->has_plan ? &f->plan : NULL);
    td_map_print(&f->map, out);
    if (f->s.truncated)
        fprintf(out, "  (more was found than is shown)\n");
}

/* ---- for programs ------------------------------------------------------------------- */

static json_t *slot_json(const struct flash *f, unsigned n)
{
    const struct td_slot_seen *slot = &f->outlook.slot[n];
    json_t *json;

    if (slot->at.size == 0)
        return json_null();
    json = json_pack("{s:I, s:I, s:o}", "address", (json_int_t)slot->at.addr, "size",
                     (json_int_t)slot->at.size, "image",
                     slot->image == NULL ? json_null() : td_thing_json(slot->image));
    if (slot->trailer_read)
        json_object_set_new(json, "trailer",
                            json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "magic",
                                      td_magic_word(slot->trailer.magic), "image_ok",
                                      td_flag_word(slot->trailer.image_ok), "copy_done",
                                      td_flag_word(slot->trailer.copy_done), "swap_type",
                                      td_swap_type_word(slot->trailer.swap_type), "swap_size",
                                      (json_int_t)slot->swap_size, "text",
                                      td_trailer_words(&f->plan, n, &slot->trailer)));
    return json;
}

static json_t *b0_json(const struct td_b0_outlook *o)
{
    json_t *slots = json_array();

    for (unsigned n = 0; n < o->n_slots; n++)
        json_array_append_new(
            slots,
            json_pack("{s:I, s:o, s:s?}", "address", (json_int_t)o->slot[n].addr, "version",
                      o->slot[n].firmware == NULL ? json_null()
                                                  : json_integer(o->slot[n].firmware->info.version),
                      "refused", o->slot[n].refused));
    return json_pack("{s:o, s:o}", "boots", o->boots < 0 ? json_null() : json_integer(o->boots),
                     "slots", slots);
}

static json_t *outlook_json(const struct flash *f)
{
    const struct td_outlook *o = &f->outlook;
    json_t *json = json_pack("{s:s, s:s, s:s, s:s?}", "action", td_next_name(o->next), "swap_type",
                             td_swap_type_word(o->type), "text", o->text, "why",
                             o->why[0] == '\0' ? NULL : o->why);

    if (o->next == TD_NEXT_RESUME && o->entries_known)
        json_object_set_new(json, "steps_done", json_integer(o->entries));
    if (o->next == TD_NEXT_RESUME && o->entries_all > 0)
        json_object_set_new(json, "steps", json_integer(o->entries_all));
    return json;
}

static void say_json(const struct flash *f)
{
    json_t *things = json_array(), *map = json_array(), *log = json_array();
    json_t *settings =
        td_inspect_settings_json(f->session, &f->s, &f->m, f->has_plan ? &f->plan : NULL);
    struct td_b0_outlook b0;
    json_t *all;

    for (size_t i = 0; i < f->s.n; i++)
        if (f->s.at[i].kind < TD_THING_DATA)
            json_array_append_new(things, td_thing_json(&f->s.at[i]));
    for (size_t i = 0; i < f->map.n; i++)
        json_array_append_new(map, json_pack("{s:s, s:I, s:I}", "what", f->map.at[i].text,
                                             "address", (json_int_t)f->map.at[i].addr, "size",
                                             (json_int_t)f->map.at[i].size));
    each_verdict(f, append_verdict, log);
    all = json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "file", f->path, "kind",
                    is_program(f) ? "program"
                    : f->hex      ? "hex"
                                  : "dump",
                    "address", (json_int_t)td_memory_low(&f->m), "size",
                    (json_int_t)(td_memory_end(&f->m) - td_memory_low(&f->m)), "things", things,
                    "boot_log", log, "map", map);
    if (settings != NULL)
        json_object_set_new(all, "settings", settings);
    if (td_b0_look(&b0, &f->s))
        json_object_set_new(all, "first_stage", b0_json(&b0));
    if (f->has_plan) {
        json_object_set_new(all, "layout",
                            json_pack("{s:s, s:b, s:s, s:I}", "source", f->plan.source, "guessed",
                                      f->plan.guessed, "strategy", td_mode_name(f->plan.mode),
                                      "max_image", (json_int_t)f->outlook.max_image));
        json_object_set_new(all, "slots", json_pack("[o, o]", slot_json(f, 0), slot_json(f, 1)));
        json_object_set_new(all, "next_boot", outlook_json(f));
    }
    td_cli_json(f->session->cli, all);
}

/* ---- all of it ---------------------------------------------------------------------- */

/* "slot 0: " in front of what lies in one. */
static const char *owner(const struct flash *f, const struct td_thing *t)
{
    static const char *const names[] = { "slot 0: ", "slot 1: " };

    for (unsigned n = 0; f->has_plan && n < 2; n++) {
        const struct td_place_of *at = &f->outlook.slot[n].at;

        if (at->size > 0 && td_range_overlap(at->addr, at->size, t->addr, t->size))
            return names[n];
    }
    if (f->has_plan && f->plan.storage.size > 0 && t->kind >= TD_THING_DATA &&
        td_range_overlap(f->plan.storage.addr, f->plan.storage.size, t->addr, t->size))
        return "storage: ";
    if (f->has_plan && f->plan.boot.size > 0 &&
        td_range_overlap(f->plan.boot.addr, f->plan.boot.size, t->addr, t->size))
        return "bootloader: ";
    return "";
}

/* A blank run that several partitions share is cut at their borders. */
static uint32_t next_border(const struct flash *f, uint32_t addr, uint64_t end)
{
    const struct td_place_of *places[] = { &f->plan.primary, &f->plan.secondary, &f->plan.scratch,
                                           &f->plan.storage, &f->plan.boot_log,  &f->plan.boot };
    uint64_t best = end;

    for (size_t i = 0; f->has_plan && i < TD_N_OF(places); i++) {
        uint64_t from = places[i]->addr;
        uint64_t to = from + places[i]->size;

        if (places[i]->size == 0)
            continue;
        if (from > addr && from < best)
            best = from;
        if (to > addr && to < best)
            best = to;
    }
    return (uint32_t)(best - addr);
}

static bool draw_thing(struct flash *f, const struct td_thing *t)
{
    uint64_t end = (uint64_t)t->addr + t->size;
    struct td_thing part = *t;
    char text[TD_MAP_TEXT];
    bool whole = t->kind < TD_THING_DATA || t->kind == TD_THING_HOLE;

    while (part.addr < end) {
        part.size = whole ? t->size : next_border(f, part.addr, end);
        if (trailer_part(f, t) != NULL)
            snprintf(text, sizeof text, "%s", trailer_part(f, t));
        else
            td_thing_text(t, text, sizeof text);
        if (!td_map_add(&f->map, part.addr, part.size,
                        trailer_part(f, t) != NULL ? TD_INK_TRAILER : td_thing_ink(t), "%s%s",
                        t->kind == TD_THING_HOLE ? "" : owner(f, &part), text))
            return false;
        if ((uint64_t)part.addr + part.size >= end)
            break;
        part.addr += part.size;
    }
    return true;
}

static void draw_b0(struct flash *f)
{
    struct td_b0_outlook o;

    if (!td_b0_look(&o, &f->s))
        return;
    for (unsigned n = 0; n < o.n_slots; n++)
        if (o.slot[n].firmware != NULL)
            td_map_band(&f->map, o.slot[n].addr,
                        o.slot[n].firmware->start + o.slot[n].firmware->info.size - o.slot[n].addr,
                        n == 0 ? "S0" : "S1");
    if (o.boots < 0)
        td_map_line(&f->map, "first stage: boots neither slot");
    else
        td_map_line(&f->map, "first stage: boots version %u from S%d",
                    o.slot[o.boots].firmware->info.version, o.boots);
}

static bool draw(struct flash *f)
{
    for (size_t i = 0; i < f->s.n; i++)
        if (!draw_thing(f, &f->s.at[i]))
            return false;
    snprintf(f->map.title, sizeof f->map.title, "%.190s", f->path);
    draw_b0(f);
    if (!f->has_plan)
        return true;
    td_map_band(&f->map, f->plan.boot.addr, f->plan.boot.size, "bootloader");
    td_map_band(&f->map, f->plan.primary.addr, f->plan.primary.size, "slot 0");
    td_map_band(&f->map, f->plan.secondary.addr, f->plan.secondary.size, "slot 1");
    td_map_band(&f->map, f->plan.scratch.addr, f->plan.scratch.size, "scratch");
    td_map_band(&f->map, f->plan.boot_log.addr, f->plan.boot_log.size, "boot log");
    td_map_band(&f->map, f->plan.storage.addr, f->plan.storage.size, "storage");
    td_map_line(&f->map, "%s", f->plan.source);
    td_map_line(&f->map, "next boot: %s", f->outlook.text);
    if (f->outlook.why[0] != '\0')
        td_map_line(&f->map, "%s", f->outlook.why);
    return true;
}

/* Whether there is anything in it that somebody could want to know. */
static bool is_something(const struct flash *f)
{
    // A hex file says at least where its bytes belong.
    if (f->hex || f->session->storage.size > 0)
        return true;
    for (size_t i = 0; i < f->s.n; i++)
        if (f->s.at[i].kind != TD_THING_DATA && f->s.at[i].kind != TD_THING_HOLE)
            return true;
    return false;
}

static int read_memory(struct flash *f, const uint8_t *bytes, size_t len)
{
    struct td_cli *cli = f->session->cli;
    struct td_hex_error error = { NULL, 0 };
    char where[400];

    if (f->hex) {
        if (td_memory_of_hex(&f->m, (const char *)bytes, len, &error))
            return TD_EXIT_OK;
        snprintf(where, sizeof where, "%.360s: line %u", f->path, error.line);
        return td_cli_fail(cli, TD_EXIT_FILE, "bad-hex", error.text, where,
                           "write the Intel hex file again; if it was copied, compare the copies");
    }
    if (len > TD_FILE_MAX || !td_memory_of_bytes(&f->m, bytes, (uint32_t)len, f->session->base))
        return td_cli_fail(cli, TD_EXIT_FILE, "too-large",
                           "the file does not fit into the memory that it would be read into",
                           f->path, "give a smaller --base, or a dump of one memory");
    f->m.has_addresses = f->session->has_base;
    return TD_EXIT_OK;
}

int td_inspect_flash(struct td_inspect *session, const char *path, const uint8_t *bytes, size_t len,
                     bool hex)
{
    struct flash f = { .session = session, .path = path, .hex = hex };
    int exit = read_memory(&f, bytes, len);
    bool done = exit == TD_EXIT_OK;

    done = done && td_survey(&f.s, &f.m);
    if (done)
        exit = td_inspect_plan(session, &f.s, &f.m, &f.plan, &f.has_plan);
    if (done && exit == TD_EXIT_OK && !f.has_plan && !is_something(&f))
        exit = td_cli_fail(session->cli, TD_EXIT_FILE, "unknown",
                           "there is nothing in it that can be recognised", path,
                           "no image, trailer, vector table, settings or NSIB data was found; "
                           "is it encrypted, or a file of another kind?");
    if (done && exit == TD_EXIT_OK && f.has_plan)
        td_outlook(&f.outlook, &f.plan, &f.s, &f.m);
    if (done && exit == TD_EXIT_OK) {
        done = draw(&f);
        if (session->cli->json)
            say_json(&f);
        else
            say(&f);
        td_inspect_keep(session, &f.map);
    }
    if (!done && exit == TD_EXIT_OK)
        exit = td_cli_fail(session->cli, TD_EXIT_FILE, "memory", "there is not enough memory", path,
                           NULL);
    td_survey_free(&f.s);
    td_memory_free(&f.m);
    return exit;
}
