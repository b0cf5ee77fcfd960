/* crypto/ct.h - comparing and wiping secrets, in time that depends on lengths alone. */
#ifndef TD_CRYPTO_CT_H
#define TD_CRYPTO_CT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a and b hold the same len bytes. Looks at all of them, whatever it finds. */
bool td_ct_equal(const void *a, const void *b, size_t len);

/* Sets len bytes to 0; the compiler does not leave it out although nobody reads them again. */
void td_wipe(void *p, size_t len);

#endif
