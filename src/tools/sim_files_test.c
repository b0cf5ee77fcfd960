/* A folder as a device's file system, and what cannot be reached through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/range.h"
#include "tools/sim_files.h"

struct desk {
    char top[64];    /* holds "outside" and the device's folder */
    char folder[96]; /* top/lfs1 */
    struct td_sim_files files;
};

static void put_host_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

static void link_host(const char *target, const char *folder, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(symlink(target, path), 0);
}

static int start(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    struct td_desk_fault fault;
    char path[160];

    (void)snprintf(d->top, sizeof d->top, "/tmp/sim-files-XXXXXX");
    assert_non_null(mkdtemp(d->top));
    (void)snprintf(d->folder, sizeof d->folder, "%s/lfs1", d->top);
    assert_true(td_sim_files_open(&d->files, d->folder, &fault));
    put_host_file(d->top, "outside", "secret");
    put_host_file(d->folder, "a.txt", "hello");
    (void)snprintf(path, sizeof path, "%s/sub", d->folder);
    assert_int_equal(mkdir(path, 0777), 0);
    put_host_file(path, "b.txt", "inner");
    link_host("../outside", d->folder, "leak");
    link_host("..", d->folder, "up");
    link_host("a.txt", d->folder, "alias");
    (void)snprintf(path, sizeof path, "%s/pipe", d->folder);
    assert_int_equal(mkfifo(path, 0666), 0);
    *state = d;
    return 0;
}

static int stop(void **state)
{
    struct desk *d = *state;
    char command[128];

    td_sim_files_close(&d->files);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", d->top);
    assert_int_equal(system(command), 0);
    free(d);
    return 0;
}

static struct td_cbor_text text_of(const char *s)
{
    return (struct td_cbor_text){ .p = s, .len = strlen(s) };
}

static enum td_err write_text(struct desk *d, const char *path, uint64_t off, const char *text)
{
    const struct td_server_files *f = &d->files.files.server;

    return f->write(f->ctx, text_of(path), off, (const uint8_t *)text, strlen(text));
}

static void nothing_outside_of_the_folder_can_be_named(void **state)
{
    static const struct {
        const char *path;
        enum td_err want;
    } rows[] = {
        { "/lfs1/a.txt", TD_OK },
        { "/lfs1/sub/b.txt", TD_OK },
        { "/lfs1/../outside", TD_EARG },
        { "/lfs1/sub/../../outside", TD_EARG },
        { "/lfs1/./a.txt", TD_EARG },
        { "/lfs1//a.txt", TD_EARG },
        { "/lfs1/a.txt/", TD_ENOTFOUND },
        { "/lfs1/leak", TD_EARG },
        { "/lfs1/up/outside", TD_ENOTFOUND },
        { "/lfs1/alias", TD_EARG },
        { "/lfs1/pipe", TD_EARG },
        { "/lfs1", TD_ESTATE },
        { "/lfs1/", TD_EARG },
        { "/lfs1/sub", TD_ESTATE },
        { "/lfs1x/a.txt", TD_ENOTFOUND },
        { "/lfs2/a.txt", TD_ENOTFOUND },
        { "/etc/passwd", TD_ENOTFOUND },
        { "lfs1/a.txt", TD_ENOTFOUND },
        { "", TD_ENOTFOUND },
        { "/lfs1/none", TD_ENOTFOUND },
        { "/lfs1/none/a.txt", TD_ENOTFOUND },
    };
    struct desk *d = *state;
    const struct td_server_files *f = &d->files.files.server;

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint64_t size = 0;
        enum td_err err = f->size(f->ctx, text_of(rows[i].path), &size);

        if (err != rows[i].want)
            fail_msg("%s: %d, not %d", rows[i].path, err, rows[i].want);
        if (err == TD_OK)
            assert_int_equal(size, 5);
    }
    assert_int_equal(write_text(d, "/lfs1/leak", 0, "x"), TD_EARG);
    assert_int_equal(write_text(d, "/lfs1/up/new", 0, "x"), TD_ENOTFOUND);
    assert_int_equal(write_text(d, "/lfs1/../new", 0, "x"), TD_EARG);
    assert_int_equal(write_text(d, "/lfs1/none/new", 0, "x"), TD_ENOTFOUND);
    assert_int_equal(f->size(f->ctx, (struct td_cbor_text){ "/lfs1/a\0b", 9 }, &(uint64_t){ 0 }),
                     TD_EARG);
}

static void what_was_written_is_read(void **state)
{
    struct desk *d = *state;
    const struct td_server_files *f = &d->files.files.server;
    uint8_t bytes[32];
    size_t got;

    assert_int_equal(write_text(d, "/lfs1/new", 0, "0123456789"), TD_OK);
    assert_int_equal(write_text(d, "/lfs1/new", 10, "abc"), TD_OK);
    assert_int_equal(f->read(f->ctx, text_of("/lfs1/new"), 8, bytes, sizeof bytes, &got), TD_OK);
    assert_int_equal(got, 5);
    assert_memory_equal(bytes, "89abc", 5);
    assert_int_equal(write_text(d, "/lfs1/new", 20, "far"), TD_EARG);
    assert_int_equal(write_text(d, "/lfs1/new", 0, "short"), TD_OK);
    assert_int_equal(f->read(f->ctx, text_of("/lfs1/new"), 0, bytes, 3, &got), TD_OK);
    assert_int_equal(got, 3);
    assert_int_equal(f->read(f->ctx, text_of("/lfs1/new"), 5, bytes, 3, &got), TD_OK);
    assert_int_equal(got, 0);
    assert_int_equal(write_text(d, "/lfs1/later", 4, "x"), TD_ENOTFOUND);
}

static void a_file_ends_where_the_flash_would(void **state)
{
    struct desk *d = *state;

    assert_int_equal(write_text(d, "/lfs1/a.txt", TD_SIM_FILE_MAX, "x"), TD_ENOSPC);
    assert_int_equal(write_text(d, "/lfs1/a.txt", UINT64_MAX, "x"), TD_ENOSPC);
}

static void folders_are_listed_by_name(void **state)
{
    static const char *const names[] = { "a.txt", "alias", "leak", "pipe", "sub", "up" };
    struct desk *d = *state;
    const struct sim_files *f = &d->files.files;
    struct sim_file file;

    for (unsigned i = 0; i < TD_N_OF(names); i++) {
        assert_true(f->entry(f->server.ctx, text_of("/lfs1"), i, &file));
        assert_string_equal(file.name, names[i]);
        assert_int_equal(file.is_folder, i == 4);
    }
    assert_false(f->entry(f->server.ctx, text_of("/lfs1"), TD_N_OF(names), &file));
    assert_true(f->entry(f->server.ctx, text_of("/lfs1/sub"), 0, &file));
    assert_string_equal(file.name, "b.txt");
    assert_int_equal(file.size, 5);
    assert_false(f->entry(f->server.ctx, text_of("/lfs1/up"), 0, &file));
    assert_false(f->entry(f->server.ctx, text_of("/"), 0, &file));
}

static void a_file_in_the_folders_place_is_named(void **state)
{
    struct desk *d = *state;
    struct td_sim_files files;
    struct td_desk_fault fault;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/outside", d->top);
    assert_false(td_sim_files_open(&files, path, &fault));
    assert_string_equal(fault.where, path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(nothing_outside_of_the_folder_can_be_named), TEST(what_was_written_is_read),
        TEST(a_file_ends_where_the_flash_would),          TEST(folders_are_listed_by_name),
        TEST(a_file_in_the_folders_place_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
