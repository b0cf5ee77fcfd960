/*
 * image/tlv_name.c - what people call the types.
 *
 * Alone in its file: a bootloader that says nothing in words does not link it.
 */
#include "image/image.h"

#include "base/range.h"

const char *td_tlv_name(uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = {
        { TD_TLV_KEYHASH, "KEYHASH" },
        { TD_TLV_PUBKEY, "PUBKEY" },
        { TD_TLV_SHA256, "SHA256" },
        { TD_TLV_SHA384, "SHA384" },
        { TD_TLV_SHA512, "SHA512" },
        { TD_TLV_RSA2048_PSS, "RSA2048" },
        { TD_TLV_ECDSA224, "ECDSA224" },
        { TD_TLV_ECDSA_SIG, "ECDSASIG" },
        { TD_TLV_RSA3072_PSS, "RSA3072" },
        { TD_TLV_ED25519, "ED25519" },
        { TD_TLV_SIG_PURE, "SIG_PURE" },
        { TD_TLV_ENC_RSA2048, "ENCRSA2048" },
        { TD_TLV_ENC_KW, "ENCKW" },
        { TD_TLV_ENC_EC256, "ENCEC256" },
        { TD_TLV_ENC_X25519, "ENCX25519" },
        { TD_TLV_ENC_X25519_SHA512, "ENCX25519_SHA512" },
        { TD_TLV_DEPENDENCY, "DEPENDENCY" },
        { TD_TLV_SEC_CNT, "SEC_CNT" },
        { TD_TLV_BOOT_RECORD, "BOOT_RECORD" },
        { TD_TLV_DECOMP_SIZE, "DECOMP_SIZE" },
        { TD_TLV_DECOMP_SHA, "DECOMP_SHA" },
        { TD_TLV_DECOMP_SIGNATURE, "DECOMP_SIGNATURE" },
        { TD_TLV_COMP_DEC_SIZE, "COMP_DEC_SIZE" },
        { TD_TLV_UUID_VID, "UUID_VID" },
        { TD_TLV_UUID_CID, "UUID_CID" },
    };

    for (size_t i = 0; i < TD_N_OF(names); i++)
        if (names[i].type == type)
            return names[i].name;
    return type >= TD_TLV_VENDOR_MIN && type <= TD_TLV_VENDOR_MAX ? "VENDOR" : "UNKNOWN";
}
