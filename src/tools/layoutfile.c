/* tools/layoutfile.c */
#include "tools/layoutfile.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/range.h"
#include "layout/read.h"
#include "tools/file.h"

static int fail_layout(struct td_cli *cli, const char *path, const struct td_layout_fault *fault)
{
    char where[320];

    if (fault->line > 0)
        (void)snprintf(where, sizeof where, "%s:%u", path, (unsigned)fault->line);
    else
        (void)snprintf(where, sizeof where, "%s", path);
    return td_cli_fail(cli, TD_EXIT_FILE, "no-layout",
                       fault->what[0] != '\0' ? fault->what : "the layout cannot be read", where,
                       fault->remedy[0] != '\0' ? fault->remedy : NULL);
}

static int check_domains(struct td_cli *cli, const struct td_layout_file *file, size_t first)
{
    for (size_t i = first; i < file->layout->n; i++) {
        const struct td_partition *p = &file->layout->at[i];

        for (size_t k = 0; k < first; k++) {
            if (strcmp(p->domain, file->layout->at[k].domain) == 0)
                return td_cli_usagef(cli,
                                     "%s and %s are of the same core: several files make one "
                                     "layout when each is another core's; tandem layout diff "
                                     "compares two",
                                     file->paths[0], file->paths[file->n - 1]);
        }
    }
    return TD_EXIT_OK;
}

static int add_file(struct td_cli *cli, const char *path, struct td_layout_file *file)
{
    struct td_layout_fault fault;
    enum td_layout_kind kind;
    struct td_disk_file text;
    enum td_err err;
    int exit;

    if (file->layout == NULL)
        file->layout = td_layout_new();
    if (file->layout == NULL)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory", path, NULL);
    if (file->n == TD_LAYOUT_FILES)
        return td_cli_usagef(cli, "a layout has at most %d files", TD_LAYOUT_FILES);
    exit = td_file_read(cli, strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text);
    if (exit != TD_EXIT_OK)
        return exit;
    file->paths[file->n] = path;
    file->first[file->n] = file->layout->n;
    err = td_layout_read((const char *)text.bytes, text.size, path, file->layout, &kind, &fault);
    td_file_free(&text);
    if (err != TD_OK)
        return fail_layout(cli, path, &fault);
    file->n++;
    return check_domains(cli, file, file->first[file->n - 1]);
}

/* What a build leaves in its folder: partitions.yml, and one more for each other core. */
static int add_folder(struct td_cli *cli, const char *path, struct td_layout_file *file)
{
    static const char *const patterns[] = { "partitions.yml", "partitions_*.yml", "pm_static.yml" };
    size_t before = file->n;
    int exit = TD_EXIT_OK;

    for (size_t i = 0; i < 3 && exit == TD_EXIT_OK; i++) {
        char pattern[1024];
        glob_t found;

        if (i == 2 && file->n > before)
            break; // what the build made of it says more
        (void)snprintf(pattern, sizeof pattern, "%s/%s", path, patterns[i]);
        if (glob(pattern, 0, NULL, &found) != 0)
            continue;
        for (size_t k = 0; k < found.gl_pathc && exit == TD_EXIT_OK; k++) {
            char *copy = strdup(found.gl_pathv[k]);
            size_t at = file->n;

            exit = copy == NULL ? td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory",
                                              path, NULL)
                                : add_file(cli, copy, file);
            if (file->n > at)
                file->owned[at] = copy;
            else
                free(copy);
        }
        globfree(&found);
    }
    if (exit == TD_EXIT_OK && file->n == before)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-layout", "there is no layout in this folder",
                           path,
                           "partitions.yml is in the folder of the build, pm_static.yml in the "
                           "application's");
    return exit;
}

int td_layout_file_add(struct td_cli *cli, const char *path, struct td_layout_file *file)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return add_folder(cli, path, file);
    return add_file(cli, path, file);
}

int td_layout_file_pair(struct td_cli *cli, const char *path, const struct td_layout_env *env,
                        struct td_layout_file *file, struct td_room_geometry *g)
{
    int exit = td_layout_file_add(cli, path, file);
    char what[64];

    if (exit != TD_EXIT_OK)
        return exit;
    if (env->image > 0 && td_layout_role(file->layout, TD_ROLE_PRIMARY, env->image) == NULL) {
        (void)snprintf(what, sizeof what, "the layout has no primary slot of image %u", env->image);
        return td_cli_fail(cli, TD_EXIT_FILE, "no-slot", what, path,
                           "an image that is updated through the application's slots is signed for "
                           "those: --image 0");
    }
    if (td_layout_role(file->layout, TD_ROLE_PRIMARY, 0) == NULL)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-slot", "the layout has no primary slot", path,
                           "give the layout of the application core, with mcuboot_primary");
    if (td_layout_geometry(file->layout, env, g) != TD_OK)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-chip",
                           "the layout does not tell which chip it is for", path,
                           "name it: --soc nrf52840, or the like");
    return TD_EXIT_OK;
}

void td_layout_file_close(struct td_layout_file *file)
{
    for (size_t i = 0; i < TD_LAYOUT_FILES; i++)
        free(file->owned[i]);
    td_layout_free(file->layout);
    *file = (struct td_layout_file){ .n = 0 };
}

const char *td_layout_file_of(const struct td_layout_file *file, const char *domain)
{
    for (size_t i = 0; i < file->layout->n; i++) {
        if (strcmp(file->layout->at[i].domain, domain) != 0)
            continue;
        for (size_t k = file->n; k-- > 0;) {
            if (file->first[k] <= i)
                return file->paths[k];
        }
    }
    return file->paths[0];
}

/* The names of profiles and of everyday talk, beside those that td_mode_name has. */
static const struct alias {
    const char *name;
    enum td_strategy_id mode;
} aliases[] = {
    { "single", TD_MODE_SINGLE },         { "scratch", TD_MODE_SCRATCH },
    { "overwrite", TD_MODE_OVERWRITE },   { "move", TD_MODE_MOVE },
    { "offset", TD_MODE_OFFSET },         { "xip", TD_MODE_XIP },
    { "xip-revert", TD_MODE_XIP_REVERT }, { "ram-load-revert", TD_MODE_RAM_LOAD },
    { "loader", TD_MODE_LOADER },         { "single-ram", TD_MODE_SINGLE_RAM },
};

static bool strategy_by_name(const char *text, enum td_strategy_id *mode)
{
    for (int id = TD_MODE_SINGLE; id <= TD_MODE_OFFSET; id++) {
        *mode = (enum td_strategy_id)id;
        if (strcmp(td_mode_name(*mode), text) == 0)
            return true;
    }
    for (size_t i = 0; i < TD_N_OF(aliases); i++) {
        *mode = aliases[i].mode;
        if (strcmp(aliases[i].name, text) == 0)
            return true;
    }
    return false;
}

int td_layout_take_strategy(struct td_cli *cli, const char *text, struct td_layout_env *env)
{
    char names[200] = "";
    size_t len = 0;

    env->has_strategy = strategy_by_name(text, &env->strategy);
    if (env->has_strategy)
        return TD_EXIT_OK;
    for (int id = TD_MODE_SINGLE; id <= TD_MODE_OFFSET && len < sizeof names; id++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", id > 0 ? ", " : "",
                                td_mode_name((enum td_strategy_id)id));
    return td_cli_usagef(cli, "there is no strategy '%s'; there are %s", text, names);
}

int td_layout_take_soc(struct td_cli *cli, const char *text, struct td_layout_env *env)
{
    char names[160] = "";
    size_t len = 0;

    env->soc = td_soc_by_name(text);
    if (env->soc != NULL)
        return TD_EXIT_OK;
    for (size_t i = 0; td_soc_at(i) != NULL && len < sizeof names; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "",
                                td_soc_at(i)->name);
    return td_cli_usagef(cli, "'%s' is not a chip known here; there are %s", text, names);
}
