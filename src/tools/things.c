/* tools/things.c - what was found in a flash, in words and for programs. */
#include <stdlib.h>
#include <string.h>

#include "tools/inspect.h"

json_t *td_hex_json(const uint8_t *bytes, size_t len)
{
    char *text = malloc(2 * len + 1);
    json_t *json;

    if (text == NULL)
        return NULL;
    td_hex(bytes, len, text);
    json = json_string(text);
    free(text);
    return json;
}

static void version_text(const struct td_version *v, char out[32])
{
    snprintf(out, 32, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
}

/* ---- NSIB --------------------------------------------------------------------------- */

static const char *validity(const struct td_nsib_found *f)
{
    return f->info.valid == TD_FW_VALID ? "valid" : "INVALIDATED: b0 does not boot it any more";
}

/* What the validation info proves, in words. */
static const char *signature_words(const struct td_nsib_found *f)
{
    if (f->validation == TD_EUNSUPPORTED)
        return "validation info of another kind than ECDSA P-256: not judged";
    if (f->validation != TD_OK)
        return "no validation info behind it: not made for b0 to boot";
    if (!f->hash_matches)
        return "THE HASH DOES NOT MATCH THE BYTES";
    if (f->signature != TD_OK)
        return "THE SIGNATURE DOES NOT VERIFY";
    if (f->v.address != f->info.address && f->v.address != f->info.boot_address)
        return "the validation info is for another address";
    return "hash and signature good";
}

void td_nsib_say(FILE *out, const char *indent, const struct td_nsib_found *f)
{
    char print[2 * TD_FW_FINGERPRINT + 1];

    fprintf(out, "%sNSIB       firmware version %u, for address 0x%x, %u bytes, %s\n", indent,
            f->info.version, f->info.address, f->info.size, validity(f));
    fprintf(out, "%s           %s", indent, signature_words(f));
    if (f->validation == TD_OK) {
        td_hex(f->fingerprint, sizeof f->fingerprint, print);
        fprintf(out, ", by the key %s", print);
    }
    fputc('\n', out);
    if (f->info.n_ext_apis + f->info.n_requests > 0)
        fprintf(out, "%s           offers %u EXT_APIs, asks for %u\n", indent, f->info.n_ext_apis,
                f->info.n_requests);
}

json_t *td_nsib_json(const struct td_nsib_found *f)
{
    json_t *json;

    if (!f->found)
        return json_null();
    json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:i, s:I, s:I}", "offset",
                     (json_int_t)f->info.off, "version", (json_int_t)f->info.version, "address",
                     (json_int_t)f->info.address, "boot_address", (json_int_t)f->info.boot_address,
                     "size", (json_int_t)f->info.size, "valid", f->info.valid == TD_FW_VALID, "soc",
                     (int)f->info.compat.soc, "ext_apis", (json_int_t)f->info.n_ext_apis,
                     "requests", (json_int_t)f->info.n_requests);
    if (f->validation == TD_OK)
        json_object_set_new(json, "validation",
                            json_pack("{s:I, s:I, s:b, s:b, s:o}", "offset", (json_int_t)f->v.off,
                                      "address", (json_int_t)f->v.address, "hash_match",
                                      f->hash_matches, "signature_good", f->signature == TD_OK,
                                      "fingerprint",
                                      td_hex_json(f->fingerprint, sizeof f->fingerprint)));
    else
        json_object_set_new(json, "validation", json_null());
    return json;
}

static const char *token_word(enum td_key_token token)
{
    static const char *const words[] = {
        [TD_TOKEN_VALID_OLD] = "valid (b0 until SDK 2.6)",
        [TD_TOKEN_REVOKED_OLD] = "revoked (b0 until SDK 2.6)",
        [TD_TOKEN_VALID] = "valid",
        [TD_TOKEN_REVOKED] = "revoked",
        [TD_TOKEN_ODD] = "DAMAGED",
    };

    return words[token];
}

static const char *life_word(enum td_life_cycle life)
{
    static const char *const words[] = {
        [TD_LIFE_ASSEMBLY] = "assembly", [TD_LIFE_PROVISIONING] = "provisioning",
        [TD_LIFE_SECURED] = "secured",   [TD_LIFE_DECOMMISSIONED] = "decommissioned",
        [TD_LIFE_CORRUPT] = "corrupt",   [TD_LIFE_UNKNOWN] = "unknown",
    };

    return words[life];
}

static const char *counter_word(uint16_t what)
{
    return what == TD_COUNTER_FIRMWARE  ? "firmware version"
           : what == TD_COUNTER_MCUBOOT ? "MCUboot security counter"
                                        : "unknown counter";
}

void td_provision_say(FILE *out, const struct td_provision *p)
{
    char print[33];

    fprintf(out, "NSIB provision data at 0x%x: S0 at 0x%x, S1 at 0x%x%s, life cycle %s\n", p->off,
            p->s0_address, p->s1_address, p->s0_address == p->s1_address ? " (one slot)" : "",
            life_word(p->life));
    for (uint32_t i = 0; i < p->n_keys; i++) {
        td_hex(p->keys[i].fingerprint, 16, print);
        fprintf(out, "  key %u      %s  %s\n", i, print, token_word(p->keys[i].token));
    }
    for (unsigned i = 0; i < p->n_counters; i++) {
        const struct td_provision_counter *c = &p->counters[i];

        fprintf(out, "  counter    %s %u", counter_word(c->what), c->value);
        if (c->what == TD_COUNTER_FIRMWARE && c->n_used > 0)
            fprintf(out, " (version %u, from S%u)", c->value >> 1, (c->value & 1) != 0 ? 0 : 1);
        fprintf(out, ", %u of %u slots left\n", c->n_slots - c->n_used, c->n_slots);
    }
}

json_t *td_provision_json(const struct td_provision *p)
{
    json_t *keys = json_array(), *counters = json_array();

    for (uint32_t i = 0; i < p->n_keys; i++)
        json_array_append_new(keys, json_pack("{s:o, s:I, s:b, s:s}", "fingerprint",
                                              td_hex_json(p->keys[i].fingerprint, 16), "token",
                                              (json_int_t)p->keys[i].raw, "valid",
                                              p->keys[i].token == TD_TOKEN_VALID ||
                                                  p->keys[i].token == TD_TOKEN_VALID_OLD,
                                              "says", token_word(p->keys[i].token)));
    for (unsigned i = 0; i < p->n_counters; i++)
        json_array_append_new(counters,
                              json_pack("{s:i, s:I, s:i, s:i}", "what", (int)p->counters[i].what,
                                        "value", (json_int_t)p->counters[i].value, "slots",
                                        (int)p->counters[i].n_slots, "left",
                                        p->counters[i].n_slots - p->counters[i].n_used));
    return json_pack("{s:I, s:I, s:s, s:o, s:o}", "s0", (json_int_t)p->s0_address, "s1",
                     (json_int_t)p->s1_address, "life_cycle", life_word(p->life), "keys", keys,
                     "counters", counters);
}

/* ---- things ------------------------------------------------------------------------- */

static const char *soundness(const struct td_image_facts *f)
{
    if (f->err == TD_OK)
        return "";
    return f->err == TD_EIMG_HASH ? ", HASH DOES NOT MATCH" : ", DAMAGED";
}

static void image_text(const struct td_thing *t, char *out, size_t cap)
{
    const struct td_image_facts *f = &t->u.image;
    char version[32], hash[17] = "no hash", nsib[48] = "";

    version_text(&f->image.hdr.version, version);
    if (f->hash_len > 0)
        td_hex(f->hash, 4, hash);
    if (td_nsib_is_signed(&t->nsib))
        snprintf(nsib, sizeof nsib, ", NSIB version %u", t->nsib.info.version);
    if (f->image.size == 0)
        snprintf(out, cap, "header of an image, version %s, and no end of it", version);
    else
        snprintf(out, cap, "image %s, hash %s%s%s%s", version, hash,
                 f->sig_tlv == 0 ? ", not signed" : "", nsib, soundness(f));
}

static void trailer_text(const struct td_thing *t, char *out, size_t cap)
{
    const struct td_trailer_state *s = &t->u.trailer.state;

    snprintf(out, cap, "trailer: magic good, image_ok %s, copy_done %s", td_flag_word(s->image_ok),
             td_flag_word(s->copy_done));
}

void td_thing_text(const struct td_thing *t, char *out, size_t cap)
{
    switch (t->kind) {
    case TD_THING_IMAGE: image_text(t, out, cap); return;
    case TD_THING_TRAILER: trailer_text(t, out, cap); return;
    case TD_THING_FIRMWARE:
        if (!td_nsib_is_signed(&t->nsib))
            snprintf(out, cap, "code with fw_info, version %u, nothing signed: b0 itself, perhaps",
                     t->nsib.info.version);
        else
            snprintf(out, cap, "firmware for b0: version %u, for 0x%x%s", t->nsib.info.version,
                     t->nsib.info.address,
                     t->nsib.validation != TD_OK                          ? ", signature not judged"
                     : t->nsib.hash_matches && t->nsib.signature == TD_OK ? ""
                                                                          : ", SIGNATURE BAD");
        return;
    case TD_THING_PROVISION:
        snprintf(out, cap, "NSIB provision data: %u key%s", t->u.provision.n_keys,
                 t->u.provision.n_keys == 1 ? "" : "s");
        return;
    case TD_THING_STORAGE:
        snprintf(out, cap, "settings (NVS): %u sector%s of %u, %u entries",
                 t->size / t->u.storage.sector, t->size == t->u.storage.sector ? "" : "s",
                 t->u.storage.sector, t->u.storage.n_entries);
        return;
    case TD_THING_LOG: snprintf(out, cap, "Tandem's boot log"); return;
    case TD_THING_CODE:
        snprintf(out, cap, "%s: starts at 0x%x%s",
                 t->u.role == TD_CODE_MCUBOOT ? "MCUboot"
                 : t->u.role == TD_CODE_B0    ? "b0, the first stage"
                                              : "code",
                 t->vectors.reset & ~1u,
                 t->u.role == TD_CODE_UNKNOWN ? ", no header and no signature" : "");
        return;
    case TD_THING_DATA: snprintf(out, cap, "other bytes"); return;
    case TD_THING_BLANK: snprintf(out, cap, "erased"); return;
    case TD_THING_HOLE: snprintf(out, cap, "not in the file"); return;
    }
    snprintf(out, cap, "unknown");
}

enum td_map_ink td_thing_ink(const struct td_thing *t)
{
    static const enum td_map_ink inks[] = {
        [TD_THING_IMAGE] = TD_INK_IMAGE,     [TD_THING_TRAILER] = TD_INK_TRAILER,
        [TD_THING_FIRMWARE] = TD_INK_NSIB,   [TD_THING_PROVISION] = TD_INK_NSIB,
        [TD_THING_STORAGE] = TD_INK_STORAGE, [TD_THING_LOG] = TD_INK_LOG,
        [TD_THING_CODE] = TD_INK_CODE,       [TD_THING_DATA] = TD_INK_DATA,
        [TD_THING_BLANK] = TD_INK_BLANK,     [TD_THING_HOLE] = TD_INK_HOLE,
    };

    return inks[t->kind];
}

static void add_image_json(json_t *json, const struct td_thing *t)
{
    const struct td_image_facts *f = &t->u.image;
    char version[32];

    version_text(&f->image.hdr.version, version);
    json_object_set_new(json, "version", json_string(version));
    json_object_set_new(json, "hash",
                        f->hash_len == 0 ? json_null() : td_hex_json(f->hash, f->hash_len));
    json_object_set_new(json, "sound", json_boolean(f->err == TD_OK));
    json_object_set_new(json, "error",
                        f->err == TD_OK ? json_null() : json_string(td_errname(f->err)));
    json_object_set_new(json, "signature",
                        f->sig_tlv == 0 ? json_null() : json_string(td_tlv_name(f->sig_tlv)));
    json_object_set_new(json, "key",
                        f->key_len == 0 ? json_null() : td_hex_json(f->key, f->key_len));
    json_object_set_new(json, "load_addr", json_integer(f->image.hdr.load_addr));
}

json_t *td_thing_json(const struct td_thing *t)
{
    json_t *json = json_pack("{s:s, s:I, s:I}", "kind", td_thing_name(t->kind), "address",
                             (json_int_t)t->addr, "size", (json_int_t)t->size);
    char text[TD_MAP_TEXT];

    td_thing_text(t, text, sizeof text);
    json_object_set_new(json, "text", json_string(text));
    if (t->has_vectors)
        json_object_set_new(json, "reset", json_integer(t->vectors.reset & ~1u));
    if (t->nsib.found)
        json_object_set_new(json, "nsib", td_nsib_json(&t->nsib));
    if (t->kind == TD_THING_IMAGE)
        add_image_json(json, t);
    if (t->kind == TD_THING_TRAILER) {
        const struct td_trailer_state *s = &t->u.trailer.state;

        json_object_set_new(json, "max_align", json_integer(t->u.trailer.max_align));
        json_object_set_new(json, "image_ok", json_string(td_flag_word(s->image_ok)));
        json_object_set_new(json, "copy_done", json_string(td_flag_word(s->copy_done)));
        json_object_set_new(json, "swap_type", json_string(td_swap_type_word(s->swap_type)));
    }
    if (t->kind == TD_THING_CODE && t->u.role != TD_CODE_UNKNOWN)
        json_object_set_new(json, "role", json_string(t->u.role == TD_CODE_B0 ? "b0" : "mcuboot"));
    if (t->kind == TD_THING_PROVISION)
        json_object_set_new(json, "provision", td_provision_json(&t->u.provision));
    return json;
}
