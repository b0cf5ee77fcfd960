/*
 * tools/profile.h - profiles of virtual devices: from a YAML file, or built in by name.
 *
 * docs/spec/profiles.md lists the keys. Reading is strict: an unknown key, a missing one, one
 * that stands twice or a value outside its range is an error that names file and line.
 */
#ifndef TD_TOOLS_PROFILE_H
#define TD_TOOLS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/profile.h"
#include "tools/desk.h"

/*
 * Loads the built-in profile of that name, or else the file at that path. A name without a
 * slash and without .yml that is no built-in is answered with the names that exist. Paths of
 * keys in a file are relative to it. False: *fault says why, *p is undefined.
 */
bool td_profile_load(const char *name, struct sim_profile *p, struct td_desk_fault *fault);

/*
 * Parses YAML text; file is its name for messages and where relative paths begin. For tests
 * and for td_profile_load.
 */
bool td_profile_parse(const char *yaml, size_t len, const char *file, struct sim_profile *p,
                      struct td_desk_fault *fault);

/*
 * Lets the device trust these PEM files (private or public) instead of the profile's keys; the
 * keys' type, one for all, becomes the signature type.
 */
bool td_profile_set_keys(struct sim_profile *p, const char *const *paths, size_t n_paths,
                         struct td_desk_fault *fault);

/* The files of profiles/ as they were when the program was built; ends with a NULL name. */
struct td_builtin_file {
    const char *name; /* relative to profiles/: "overwrite-only.yml", "keys/x.pem" */
    const unsigned char *bytes;
    size_t len;
};
extern const struct td_builtin_file td_builtin_files[];

#endif
