/*
 * doctor/config.h - Kconfig options in text: which file they are for, what they mean, what is
 * wrong with them.
 *
 * Takes lines of prj.conf, child-image and sysbuild files, merged .config, also several options
 * run together on one line between prose. What the options mean comes from
 * src/doctor/options/NAME.yml. Facts: have, option and option.*, sdk, sdk.names, soc
 * (docs/spec/doctor.md).
 */
#ifndef TD_DOCTOR_CONFIG_H
#define TD_DOCTOR_CONFIG_H

#include "doctor/fact.h"

struct td_knowledge;
struct td_config;

/* facts and knowledge outlive it. NULL: no memory. */
struct td_config *td_config_new(struct td_facts *facts, const struct td_knowledge *knowledge);
void td_config_free(struct td_config *config);

/* name: the file's path as given: it and its folders tell the image; may be NULL. */
void td_config_file(struct td_config *config, uint16_t file, const char *name);

/* Every line of text, in order; what is no option is looked at for a new file's heading. */
void td_config_line(struct td_config *config, const struct td_event *event);

/* All files were seen: option.* facts that need the whole set. */
void td_config_end(struct td_config *config);

#endif
