/*
 * client/preflight.c - one function for each check; each fills in its row from the facts alone.
 *
 * A check fails only on what the device or a layout file said. What would have to be guessed is
 * unknown, and its text says what is missing.
 */
#include "client/preflight.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "base/verdict.h"
#include "client/text_priv.h"

/* What a check looks at, and the row that it fills in. */
struct look {
    const struct td_image_facts *image;
    uint8_t number;
    const struct td_device_facts *device;
    struct td_check_row *row;
    struct td_text_out text;
};

static const char *const names[] = {
#define TD_CHECK_NAME(check, word) [check] = word,
    TD_CHECKS(TD_CHECK_NAME)
#undef TD_CHECK_NAME
};

const char *td_check_name(enum td_check check)
{
    return (unsigned)check < TD_N_CHECKS ? names[check] : "unknown-check";
}

const char *td_check_result_name(enum td_check_result result)
{
    static const char *const words[] = { "pass", "fail", "unknown" };

    return (unsigned)result < TD_N_OF(words) ? words[result] : "unknown";
}

bool td_check_by_name(const char *name, size_t n, enum td_check *check)
{
    for (unsigned i = 0; i < TD_N_CHECKS; i++) {
        size_t len = 0;

        while (names[i][len] != '\0')
            len++;
        if (len == n && memcmp(names[i], name, n) == 0) {
            *check = (enum td_check)i;
            return true;
        }
    }
    return false;
}

/* ---- the image's own facts ------------------------------------------------------------- */

static enum td_err read_entries(const struct td_source *src, struct td_image_facts *facts)
{
    struct td_tlv_iter it;
    struct td_tlv tlv;
    bool end = false;
    enum td_err err;

    td_tlv_begin(&it, src, &facts->image);
    while ((err = td_tlv_next(&it, &tlv, &end)) == TD_OK && !end) {
        if (tlv.type == TD_TLV_KEYHASH && facts->key_len == 0 && tlv.len <= sizeof(facts->key)) {
            err = td_source_read(src, tlv.off, facts->key, tlv.len);
            if (err != TD_OK)
                return err;
            facts->key_len = (uint8_t)tlv.len;
        }
        if (tlv.type == TD_TLV_DECOMP_SHA && tlv.len <= sizeof(facts->unpacked)) {
            err = td_source_read(src, tlv.off, facts->unpacked, tlv.len);
            if (err != TD_OK)
                return err;
            facts->unpacked_len = (uint8_t)tlv.len;
        }
        if (tlv.type == TD_TLV_PUBKEY)
            facts->key_in_full = true;
        if (tlv.type >= TD_TLV_RSA2048_PSS && tlv.type <= TD_TLV_ED25519 && facts->sig_tlv == 0)
            facts->sig_tlv = tlv.type;
    }
    return err;
}

static enum td_err compare_hash(const struct td_source *src, struct td_image_work *work,
                                struct td_image_facts *facts, uint16_t type)
{
    const struct td_hash_alg *alg = td_image_hash_alg(type);
    uint8_t digest[64];
    enum td_err err;

    if (facts->image.hdr.flags & TD_IMAGE_F_ENCRYPTED)
        return TD_OK; // the hash is that of the plain text, which only the device sees
    if (alg == NULL)
        return TD_EIMG_HASHTYPE;
    err = td_image_digest(src, &facts->image, alg, work, digest);
    if (err != TD_OK)
        return err;
    return memcmp(digest, facts->hash, facts->hash_len) == 0 ? TD_OK : TD_EIMG_HASH;
}

static void read_seal(const struct td_source *src, uint32_t start, struct td_firmware_facts *fw)
{
    struct td_fw_validation v;
    uint8_t hash[32];

    if (fw->info.size > src->size - start ||
        td_fw_validation_read(src, start + fw->info.size, &v) != TD_OK ||
        td_fw_hash(src, start, fw->info.size, hash) != TD_OK)
        return;
    fw->sealed = memcmp(hash, v.hash, sizeof(hash)) == 0 && v.address == fw->info.address;
    td_fw_fingerprint(v.key, fw->key);
}

/* Firmware begins where the payload does. What cannot be read, being encrypted, is none. */
static void read_firmware(const struct td_source *src, struct td_image_facts *facts)
{
    const uint32_t start = facts->image.hdr.hdr_size;
    struct td_firmware_facts *fw = &facts->firmware;
    uint8_t word[4];

    if ((facts->image.hdr.flags & (TD_IMAGE_F_ENCRYPTED | TD_IMAGE_F_COMPRESSED)) != 0 ||
        td_source_read(src, start + 4, word, sizeof(word)) != TD_OK ||
        td_fw_info_find(src, start, TD_FW_SEARCH_2_9, &fw->info) != TD_OK)
        return;
    fw->present = true;
    fw->reset = td_load_le32(word);
    read_seal(src, start, fw);
}

const struct td_image_state *td_states_of_file(const struct td_image_states *s, uint32_t image,
                                               const struct td_image_facts *file)
{
    const struct td_image_state *at =
        td_states_by_hash(s, image, file->unpacked, file->unpacked_len);

    return at != NULL ? at : td_states_by_hash(s, image, file->hash, file->hash_len);
}

int td_stage_slot_of(const struct td_image_facts *image, const struct td_accepts *accepts)
{
    if (!image->firmware.present || accepts == NULL || !accepts->has_stage)
        return -1;
    for (int slot = 0; slot < 2; slot++)
        if (image->firmware.reset - accepts->stage.addr[slot] < accepts->stage.size)
            return slot;
    return -1;
}

enum td_err td_image_facts(const struct td_source *src, struct td_image_work *work,
                           struct td_image_facts *facts)
{
    uint16_t type = 0;

    memset(facts, 0, sizeof(*facts));
    facts->file_size = src->size;
    facts->err = td_image_open(src, UINT32_MAX, &facts->image, &facts->fault);
    if (facts->err == TD_OK)
        facts->err = td_image_hash(src, &facts->image, facts->hash, &facts->hash_len, &type);
    if (facts->err == TD_OK)
        facts->err = read_entries(src, facts);
    if (facts->err == TD_OK)
        facts->err = compare_hash(src, work, facts, type);
    if (facts->err == TD_OK)
        read_firmware(src, facts);
    return facts->err;
}

/* ---- rows ------------------------------------------------------------------------------ */

static void say(struct look *l, enum td_check_result result, const char *words, const char *remedy)
{
    l->row->result = result;
    l->row->remedy = remedy;
    td_text_add(&l->text, words);
}

static void pass(struct look *l, const char *words)
{
    say(l, TD_CHECK_PASS, words, "");
}

static const struct td_slot_size *slot_size(const struct look *l, uint32_t slot)
{
    const struct td_slot_sizes *s = l->device->slots;

    for (uint8_t i = 0; s != NULL && i < s->n; i++)
        if (s->at[i].image == l->number && s->at[i].slot == slot)
            return &s->at[i];
    return NULL;
}

static const struct td_tandem_image *accepted(const struct look *l)
{
    const struct td_accepts *a = l->device->accepts;

    return a != NULL && l->number < a->n_images ? &a->images[l->number] : NULL;
}

static bool is_mode(const struct look *l, enum td_strategy_id mode)
{
    return l->device->mode_known && l->device->mode == (int32_t)mode;
}

static bool swaps(const struct look *l)
{
    return is_mode(l, TD_MODE_SCRATCH) || is_mode(l, TD_MODE_MOVE) || is_mode(l, TD_MODE_OFFSET);
}

static bool highest_runs(const struct look *l)
{
    return is_mode(l, TD_MODE_XIP) || is_mode(l, TD_MODE_RAM_LOAD);
}

/* The slot of a first stage that the file is for; -1: it is an ordinary image. */
static int stage_slot(const struct look *l)
{
    return td_stage_slot_of(l->image, l->device->accepts);
}

static void add_slot(struct look *l, uint32_t slot)
{
    td_text_add(&l->text, slot == 0 ? "S0" : "S1");
}

static void check_header(struct look *l)
{
    const struct td_image_header *hdr = &l->image->image.hdr;

    if (l->image->err != TD_OK) {
        say(l, TD_CHECK_FAIL, td_strerror(l->image->err),
            "send the signed image as the signer wrote it (tandem inspect shows what is wrong)");
        td_text_add(&l->text, ", at byte ");
        td_text_num(&l->text, l->image->fault.off);
    } else if (hdr->flags & TD_IMAGE_F_NON_BOOTABLE) {
        say(l, TD_CHECK_FAIL, "the image is marked as not bootable",
            "sign without the non-bootable flag");
    } else if (l->device->accepts != NULL && !l->device->accepts->decrypts &&
               (hdr->flags & TD_IMAGE_F_ENCRYPTED)) {
        say(l, TD_CHECK_FAIL, "the image is encrypted, and this device's bootloader cannot decrypt",
            "send the image unencrypted");
    } else if (l->device->accepts != NULL && !l->device->accepts->unpacks &&
               (hdr->flags & TD_IMAGE_F_COMPRESSED)) {
        say(l, TD_CHECK_FAIL,
            "the image is compressed, and this device's bootloader cannot decompress",
            "sign without compression");
    } else {
        pass(l, "a sound image of version ");
        td_text_version(&l->text, &hdr->version);
        td_text_add(&l->text, ", ");
        td_text_num(&l->text, l->image->image.size);
        td_text_add(&l->text, " bytes, hash ");
        td_text_hex(&l->text, l->image->hash, td_min_u32(l->image->hash_len, 8));
    }
}

static bool device_has_image(const struct look *l, bool *known)
{
    const struct td_image_states *list = l->device->list;

    *known = true;
    if (l->device->accepts != NULL)
        return l->number < l->device->accepts->n_images;
    if (l->device->slots != NULL && l->device->slots->n > 0)
        return slot_size(l, 0) != NULL || slot_size(l, 1) != NULL;
    for (uint8_t i = 0; i < list->n; i++)
        if (list->at[i].image == l->number)
            return true;
    *known = l->number == 0;
    return l->number == 0;
}

static void check_image_number(struct look *l)
{
    bool known;

    td_text_add(&l->text, "image ");
    td_text_num(&l->text, l->number);
    if (device_has_image(l, &known))
        pass(l, " is one of this device's");
    else if (known)
        say(l, TD_CHECK_FAIL, " does not exist on this device",
            "leave the number away, or see the numbers with: tandem image slots");
    else
        say(l, TD_CHECK_UNKNOWN, " is not in the device's list, which may be because it is empty",
            "");
}

static void check_present(struct look *l)
{
    const struct td_image_state *at;

    if (l->image->hash_len == 0) {
        say(l, TD_CHECK_UNKNOWN, "the file carries no hash to look for", "");
        return;
    }
    at = td_states_of_file(l->device->list, l->number, l->image);
    if (at == NULL)
        pass(l, "the device does not have this image yet");
    else if (at->active)
        pass(l, at->confirmed ? "this image runs already" : "this image runs already, on trial");
    else
        pass(l, at->pending ? "this image lies in the second slot and is pending"
                            : "this image lies in the second slot");
}

static void too_large(struct look *l, uint32_t size, uint32_t most, const char *what)
{
    td_text_num(&l->text, size);
    td_text_add(&l->text, " bytes, ");
    td_text_add(&l->text, what);
    td_text_num(&l->text, most);
}

static uint32_t slot_room(const struct look *l)
{
    const struct td_tandem_image *a = accepted(l);
    const struct td_slot_size *s;

    if (a != NULL)
        return a->slot_size[a->slot_size[1] > 0 ? 1 : 0];
    s = slot_size(l, 1);
    if (s == NULL || !s->has_size)
        s = slot_size(l, 0);
    if (s != NULL && s->has_size)
        return s->size;
    if (l->device->geometry != NULL)
        return l->device->geometry->secondary_size;
    return 0;
}

static void check_slot_room(struct look *l)
{
    const struct td_tandem_image *a = accepted(l);
    const bool is_stage = stage_slot(l) >= 0;
    uint32_t room = slot_room(l);

    if (a != NULL && a->slot_size[1] == 0) {
        say(l, TD_CHECK_FAIL, "the device has one slot, and what runs in it cannot replace itself",
            "send it to the bootloader's recovery server: hold the recovery pin, or: tandem os "
            "reset "
            "--boot-mode 1; then the same update on the serial line");
        return;
    }
    if (is_stage)
        room = td_min_u32(room, l->device->accepts->stage.size);

    if (room == 0)
        say(l, TD_CHECK_UNKNOWN, "the device does not tell the size of its slots",
            "compare it by hand, or build the firmware with slot info");
    else if (l->image->file_size > room)
        say(l, TD_CHECK_FAIL, "the file does not fit into the slot: ",
            "make the image smaller, or enlarge the slots");
    else
        pass(l, "the file fits into the slot: ");
    if (room > 0)
        too_large(l, l->image->file_size, room, "slot ");
}

/* The largest image that can be swapped in, from whoever knows it; 0 when nobody does. */
static uint32_t swap_room(const struct look *l, enum td_err *err)
{
    const struct td_tandem_image *a = accepted(l);
    const struct td_slot_size *s = slot_size(l, 1);
    uint32_t max = 0;

    *err = TD_OK;
    if (a != NULL)
        return a->max_size;
    if (s == NULL || !s->has_max)
        s = slot_size(l, 0);
    if (s != NULL && s->has_max)
        return s->max;
    if (l->device->geometry != NULL && l->device->mode_known && l->number == 0)
        *err = td_room_max_image((enum td_strategy_id)l->device->mode, l->device->geometry, &max);
    return max;
}

/* Whether the device and the layout file tell different sizes of the second slot. */
static bool is_other_layout(const struct look *l)
{
    const struct td_slot_size *s = slot_size(l, 1);

    return l->device->geometry != NULL && s != NULL && s->has_size &&
           s->size != l->device->geometry->secondary_size;
}

static void say_other_layout(struct look *l)
{
    say(l, TD_CHECK_FAIL, "the layout file is not this device's: its second slot has ",
        "give the layout that the bootloader on the device was built with, or leave --layout away");
    td_text_num(&l->text, slot_size(l, 1)->size);
    td_text_add(&l->text, " bytes, and in the file ");
    td_text_num(&l->text, l->device->geometry->secondary_size);
}

static void say_room_unknown(struct look *l)
{
    if (l->device->geometry != NULL)
        say(l, TD_CHECK_UNKNOWN, "the device does not tell how its bootloader updates",
            "say it beside the layout: --strategy swap-move is the usual one");
    else
        say(l, TD_CHECK_UNKNOWN,
            "the device does not tell how large an image its bootloader can swap",
            "give the layout and --strategy, or sign with them, which checks that limit; an image "
            "that fills its slot to the last sectors is never swapped in");
}

static void check_swap_room(struct look *l)
{
    enum td_err err;
    uint32_t size = l->image->image.size;
    uint32_t max = swap_room(l, &err);
    bool running_counts = swaps(l) || !l->device->mode_known;

    if (stage_slot(l) >= 0) {
        pass(l, "a second stage is copied, not swapped");
    } else if (is_other_layout(l)) {
        say_other_layout(l);
    } else if (err != TD_OK) {
        say(l, TD_CHECK_FAIL, td_strerror(err), td_verdict_remedy(TD_V_BAD_LAYOUT));
    } else if (max == 0) {
        say_room_unknown(l);
    } else if (size > max) {
        say(l, TD_CHECK_FAIL, "the image leaves the bootloader no room to swap: ",
            "make the image smaller, or enlarge both slots");
        too_large(l, size, max, "at most ");
    } else if (running_counts && l->device->running_size > max) {
        say(l, TD_CHECK_FAIL, "the running image leaves the bootloader no room to swap: ",
            "the larger of the two images counts; write a smaller one by cable once");
        too_large(l, l->device->running_size, max, "at most ");
    } else {
        pass(l, "the bootloader has room for it: ");
        too_large(l, size, max, "at most ");
        if (running_counts && l->device->running_size == 0 && l->device->accepts == NULL)
            td_text_add(&l->text, "; the running image's size is not known");
    }
}

static const char *sig_word(uint16_t tlv)
{
    switch (tlv) {
    case 0: return "not signed";
    case TD_TLV_RSA2048_PSS: return "signed with rsa-2048";
    case TD_TLV_RSA3072_PSS: return "signed with rsa-3072";
    case TD_TLV_ECDSA_SIG: return "signed with ecdsa";
    case TD_TLV_ED25519: return "signed with ed25519";
    default: return "signed with a kind that nothing verifies";
    }
}

static bool sig_fits(const struct td_accepts *a, const struct td_image_facts *image)
{
    switch (a->sig) {
    case 1:
        // "rsa-2048" and "rsa-3072" share the number; the name's first different digit decides.
        if (a->sig_name[0] != '\0' && a->sig_name[4] == '3')
            return image->sig_tlv == TD_TLV_RSA3072_PSS;
        return image->sig_tlv == TD_TLV_RSA2048_PSS ||
               (a->sig_name[0] == '\0' && image->sig_tlv == TD_TLV_RSA3072_PSS);
    case 2:
    case 4: return image->sig_tlv == TD_TLV_ECDSA_SIG;
    case 3: return image->sig_tlv == TD_TLV_ED25519;
    default: return false;
    }
}

static void check_signature(struct look *l)
{
    const struct td_accepts *a = l->device->accepts;

    td_text_add(&l->text, "the image is ");
    td_text_add(&l->text, sig_word(l->image->sig_tlv));
    if (a == NULL) {
        say(l, TD_CHECK_UNKNOWN, "; the device does not tell what it wants", "");
    } else if (a->hash_len != 0 && l->image->hash_len != a->hash_len) {
        say(l, TD_CHECK_FAIL, ", but with another hash than the device's bootloader takes",
            "sign with the hash that belongs to the device's key type (--sha)");
    } else if (a->sig == 0) {
        pass(l, ", and the device checks no signature");
    } else if (sig_fits(a, l->image)) {
        pass(l, ", as the device wants it");
    } else {
        say(l, TD_CHECK_FAIL, "; the device wants ",
            "sign with the product's key (tandem sign -k)");
        td_text_add(&l->text, a->sig_name[0] != '\0' ? a->sig_name : "another kind");
    }
}

static bool key_known(const struct td_accepts *a, const struct td_image_facts *image)
{
    for (uint8_t i = 0; i < a->n_keys; i++)
        if (memcmp(a->keys[i], image->key, TD_TANDEM_FINGERPRINT) == 0)
            return true;
    return false;
}

/* The second key: a stage is signed for the bootloader that copies it, and for the first stage. */
static void check_stage_key(struct look *l)
{
    const struct td_accepts *a = l->device->accepts;
    const struct td_firmware_facts *fw = &l->image->firmware;

    if (!fw->sealed) {
        say(l, TD_CHECK_FAIL,
            " is trusted, but there is no seal for the first stage inside, or it is damaged",
            td_verdict_remedy(TD_V_NSIB_UNSIGNED));
        return;
    }
    td_text_add(&l->text, " is trusted by the bootloader, and key ");
    td_text_hex(&l->text, fw->key, 8);
    for (uint8_t i = 0; i < a->stage.n_keys; i++) {
        if (memcmp(a->stage_keys[i], fw->key, sizeof(fw->key)) == 0) {
            pass(l, " by the first stage");
            return;
        }
    }
    say(l, TD_CHECK_FAIL, " is not one that the first stage trusts: it would never boot this",
        td_verdict_remedy(TD_V_NSIB_UNKNOWN_KEY));
}

static void check_key(struct look *l)
{
    const char *remedy = td_verdict_remedy(TD_V_UNKNOWN_KEY);
    const struct td_accepts *a = l->device->accepts;

    if (a == NULL) {
        say(l, TD_CHECK_UNKNOWN, "the device does not tell which keys it trusts", "");
        return;
    }
    if (a->sig == 0) {
        pass(l, "the device checks no signature");
        return;
    }
    if (l->image->key_in_full) {
        say(l, TD_CHECK_UNKNOWN,
            "the image carries its key in full, and the device tells fingerprints", "");
        return;
    }
    if (l->image->key_len == 0) {
        say(l, TD_CHECK_FAIL, "the image names no key", remedy);
        return;
    }
    td_text_add(&l->text, "key ");
    td_text_hex(&l->text, l->image->key, 8);
    if (l->image->key_len != TD_TANDEM_FINGERPRINT)
        say(l, TD_CHECK_UNKNOWN, " is named by another hash than the device's fingerprints", "");
    else if (key_known(a, l->image) && stage_slot(l) >= 0)
        check_stage_key(l);
    else if (key_known(a, l->image))
        pass(l, " is trusted by the device");
    else if (a->n_keys < a->n_keys_total)
        say(l, TD_CHECK_UNKNOWN, " is not among the keys that the device told", "");
    else
        say(l, TD_CHECK_FAIL, " is not trusted by this device", remedy);
}

/* The number that the first stage compares; the outer header's is nobody's here. */
static void check_stage_version(struct look *l, int slot)
{
    const struct td_tandem_stage *s = &l->device->accepts->stage;
    uint32_t version = l->image->firmware.info.version;
    const char *remedy = td_verdict_remedy(TD_V_STAGE_SAME_VERSION);

    td_text_add(&l->text, "second stage version ");
    td_text_num(&l->text, version);
    if (version < s->least) {
        say(l, TD_CHECK_FAIL, ", and the first stage takes none below ", remedy);
        td_text_num(&l->text, s->least);
    } else if (version == s->version && slot == 1) {
        say(l, TD_CHECK_FAIL,
            " is unchanged: of two equal ones the first stage boots S0, and this one never",
            remedy);
    } else if (version < s->version) {
        say(l, TD_CHECK_FAIL, ", and the first stage boots the higher, ", remedy);
        td_text_num(&l->text, s->version);
    } else {
        pass(l, ", and what runs is version ");
        td_text_num(&l->text, s->version);
    }
}

/* Which variant: it is written to the slot that does not run, and has to be linked for it. */
static void check_stage_address(struct look *l, int slot)
{
    const struct td_tandem_stage *s = &l->device->accepts->stage;

    td_text_add(&l->text, "it is a second stage linked for ");
    add_slot(l, (uint32_t)slot);
    if ((uint32_t)slot == s->slot) {
        say(l, TD_CHECK_FAIL, ", which is what runs (version ",
            slot == 0 ? "send the S1 variant: signed_by_mcuboot_and_b0_s1_image_update.bin, or "
                        "signed_by_mcuboot_and_b0_s1_image.bin"
                      : "send the S0 variant: signed_by_mcuboot_and_b0_s0_image_update.bin, or "
                        "signed_by_mcuboot_and_b0_mcuboot.bin");
        td_text_num(&l->text, s->version);
        td_text_add(&l->text, "); only the other slot can be written");
    } else {
        pass(l, ", and ");
        add_slot(l, s->slot);
        td_text_add(&l->text, " runs");
    }
}

static void check_version(struct look *l)
{
    static const char remedy[] = "raise the version and sign again";
    const struct td_image_state *active = td_states_active(l->device->list, l->number);
    const struct td_version *new = &l->image->image.hdr.version;
    bool forbidden =
        l->device->no_downgrade || (l->device->accepts != NULL && l->device->accepts->no_downgrade);
    struct td_version old = { 0 };
    struct td_cbor_text text = { 0 };
    int order;

    if (stage_slot(l) >= 0) {
        check_stage_version(l, stage_slot(l));
        return;
    }
    if (active != NULL)
        text.p = active->version;
    while (active != NULL && active->version[text.len] != '\0')
        text.len++;
    if (text.len == 0 || td_img_version_parse(text, &old) != TD_OK) {
        say(l, TD_CHECK_UNKNOWN, "the device does not tell the running version", "");
        return;
    }
    td_text_version(&l->text, new);
    order = td_version_cmp(new, &old);
    td_text_add(&l->text, order > 0   ? " is newer than the running "
                          : order < 0 ? " is older than the running "
                                      : " is the same version as the running ");
    td_text_version(&l->text, &old);
    if (highest_runs(l) && (order < 0 || (order == 0 && active->slot == 0)))
        say(l, TD_CHECK_FAIL, ", and this bootloader runs the highest version", remedy);
    else if (order >= 0)
        pass(l, "");
    else if (forbidden)
        say(l, TD_CHECK_FAIL, ", and the device forbids downgrades", remedy);
    else if (l->device->accepts != NULL)
        pass(l, ", which the device allows");
    else
        say(l, TD_CHECK_UNKNOWN, "; the device does not tell whether it forbids that", "");
}

/* Direct-XIP: the image is tied to a place, which has to be the slot that does not run. */
static void check_place(struct look *l)
{
    const struct td_image_state *active = td_states_active(l->device->list, l->number);
    uint32_t spare = active != NULL && active->slot == 0 ? 1 : 0;
    uint32_t addr = l->image->image.hdr.load_addr;

    td_text_add(&l->text, "the image is linked for 0x");
    td_text_addr(&l->text, addr);
    if (addr == accepted(l)->addr[spare]) {
        pass(l, ", the slot that does not run");
        return;
    }
    say(l, TD_CHECK_FAIL,
        addr == accepted(l)->addr[1 - spare] ? ", the slot that runs; the other one is at 0x"
                                             : "; the slot that does not run is at 0x",
        "send the build that was linked for the slot that does not run");
    td_text_addr(&l->text, accepted(l)->addr[spare]);
}

static void check_address(struct look *l)
{
    const struct td_image_header *hdr = &l->image->image.hdr;
    bool ram = (hdr->flags & TD_IMAGE_F_RAM_LOAD) != 0;
    bool wants_ram = is_mode(l, TD_MODE_RAM_LOAD) || is_mode(l, TD_MODE_SINGLE_RAM);
    bool xip = is_mode(l, TD_MODE_XIP) || is_mode(l, TD_MODE_XIP_REVERT);

    if (stage_slot(l) >= 0)
        check_stage_address(l, stage_slot(l));
    else if (xip && (hdr->flags & TD_IMAGE_F_ROM_FIXED) && accepted(l) && accepted(l)->has_addr)
        check_place(l);
    else if (ram && l->device->mode_known && !wants_ram)
        say(l, TD_CHECK_FAIL, "the image wants to be run from RAM, and this device runs from flash",
            "build for flash, and sign without a load address");
    else if (!ram && wants_ram)
        say(l, TD_CHECK_FAIL, "the device runs images from RAM, and this one has no load address",
            "sign with the load address that the device's memory map gives (--load-addr)");
    else if (ram && !l->device->mode_known)
        say(l, TD_CHECK_UNKNOWN,
            "the image wants to be run from RAM; the device does not tell whether it does that",
            "");
    else if (xip)
        say(l, TD_CHECK_UNKNOWN,
            hdr->flags & TD_IMAGE_F_ROM_FIXED
                ? "the image is tied to one slot; the device does not tell where its slots lie"
                : "the device runs images where they lie; the file does not say for which slot it "
                  "is",
            "send the build that was linked for the slot that does not run");
    else
        pass(l, "the image is not tied to an address that the device would refuse");
}

uint32_t td_preflight(const struct td_image_facts *image, uint8_t image_number,
                      const struct td_device_facts *device, uint32_t force,
                      struct td_check_row rows[TD_N_CHECKS])
{
    static void (*const checks[])(struct look *) = {
        [TD_CHECK_HEADER] = check_header,
        [TD_CHECK_IMAGE_NUMBER] = check_image_number,
        [TD_CHECK_PRESENT] = check_present,
        [TD_CHECK_SLOT_ROOM] = check_slot_room,
        [TD_CHECK_SWAP_ROOM] = check_swap_room,
        [TD_CHECK_SIGNATURE] = check_signature,
        [TD_CHECK_KEY] = check_key,
        [TD_CHECK_VERSION] = check_version,
        [TD_CHECK_ADDRESS] = check_address,
    };
    uint32_t n_failed = 0;

    for (unsigned i = 0; i < TD_N_CHECKS; i++) {
        struct td_check_row *row = &rows[i];
        struct look l = { image, image_number, device, row,
                          td_text_begin(row->text, sizeof(row->text)) };
        bool readable = image->err == TD_OK || image->err == TD_EIMG_HASH;

        row->check = (enum td_check)i;
        row->forced = false;
        // What the file does not say cannot be compared; the device's number can.
        if (!readable && i != TD_CHECK_HEADER && i != TD_CHECK_IMAGE_NUMBER)
            say(&l, TD_CHECK_UNKNOWN, "the file cannot be read as an image", "");
        else
            checks[i](&l);
        if (row->result != TD_CHECK_FAIL)
            continue;
        if (force >> i & 1)
            row->forced = true;
        else
            n_failed++;
    }
    return n_failed;
}
