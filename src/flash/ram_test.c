#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flash/ram.h"

static void memory_is_flash_that_begins_erased_and_can_be_written_and_erased(void **state)
{
    static uint8_t bytes[4 * 256];
    struct td_flash_ram ram;
    struct td_flash_area area;
    uint8_t back[8];

    (void)state;
    memset(bytes, 0x5a, sizeof bytes);
    td_flash_ram_init(&ram, bytes, 4, 256, 4);
    area = (struct td_flash_area){ &ram.dev, 256, 512 };
    assert_int_equal(td_flash_area_check(&area), TD_OK);
    assert_int_equal(td_flash_read(&area, 0, back, sizeof back), TD_OK);
    assert_memory_equal(back, "\xff\xff\xff\xff\xff\xff\xff\xff", sizeof back);
    assert_int_equal(td_flash_write(&area, 4, "abcd", 4), TD_OK);
    assert_int_equal(td_flash_read(&area, 4, back, 4), TD_OK);
    assert_memory_equal(back, "abcd", 4);
    assert_int_equal(td_flash_write(&area, 5, "abcd", 4), TD_EALIGN);
    assert_int_equal(td_flash_write(&area, 512, "abcd", 4), TD_EBOUNDS);
    assert_int_equal(td_flash_erase(&area, 0, 256), TD_OK);
    assert_int_equal(td_flash_read(&area, 4, back, 4), TD_OK);
    assert_memory_equal(back, "\xff\xff\xff\xff", 4);
    assert_int_equal(bytes[0], 0xff); // nothing in front of the area was touched
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_flash_that_begins_erased_and_can_be_written_and_erased),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
