/*
 * doctor/layout_facts.h - layouts in what the doctor is given, as facts.
 *
 * Handed each line of text of each file, it recognises partition manager YAML (whole files and
 * blocks in mixed text) and pasted reports by itself. Facts: have what=layout or what=report,
 * partition, layout, layout.issue; and, when all files were seen, those that take two things
 * together: layout.disagree, layout.image-too-large, layout.image-fits (docs/spec/doctor.md).
 */
#ifndef TD_DOCTOR_LAYOUT_FACTS_H
#define TD_DOCTOR_LAYOUT_FACTS_H

#include "doctor/fact.h"

#define TD_LAYOUTS_MAX 8 /* layouts that are remembered; what comes later is left out */

struct td_layout; /* layout/layout.h */
struct td_layout_facts;

struct td_layout_facts *td_layout_facts_new(struct td_facts *facts); /* facts outlive it */
void td_layout_facts_free(struct td_layout_facts *lf);

/* A file begins; its name tells the domain of YAML ("partitions_CPUNET.yml"). */
void td_layout_facts_file(struct td_layout_facts *lf, uint16_t file, const char *name);

/* Every line of it, colours and log prefixes and all, without its end. */
void td_layout_facts_line(struct td_layout_facts *lf, const struct td_place *at, const char *text,
                          size_t len);
void td_layout_facts_file_end(struct td_layout_facts *lf);

/* The n-th layout of the files that were ended, borrowed; NULL behind the last. */
const struct td_layout *td_layout_facts_at(const struct td_layout_facts *lf, size_t n);

/*
 * After the last file, when the facts of all others (option, soc, upload, image, bootloader) are
 * there: checks the layouts and compares them with one another and with images and uploads.
 */
void td_layout_facts_end(struct td_layout_facts *lf);

/* The n-th condition by which the way of updating is told; NULL behind the last. */
const char *td_layout_facts_condition(size_t n);

#endif
