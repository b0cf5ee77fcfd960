/*
 * tools/evidence.h - images, packages, hex files and flash dumps as facts for the doctor.
 *
 *   kind = td_kind_of(first bytes)              // tools/kind.h
 *   TEXT, CAPTURE: td_doctor_feed, as they come; any other kind: read whole, td_evidence_file
 *   all files seen: td_evidence_dumps, with the layouts that were among them
 *   story and configurations ended: td_evidence_end, then the rules
 *
 * td_evidence_end joins what several files say (a hash in a file and in a log's list, a size
 * and a layout's room), so it wants the facts `slot`, `bootloader`, `layout` to be there.
 * Facts: image, image.*, package, package.file, package.issue, trailer, dump, dump.*,
 * nsib.metadata, nsib.provision, have (docs/spec/doctor.md).
 */
#ifndef TD_TOOLS_EVIDENCE_H
#define TD_TOOLS_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/fact.h"
#include "layout/layout.h"

struct td_evidence;

/* facts outlive it. NULL: no memory. */
struct td_evidence *td_evidence_new(struct td_facts *facts);
void td_evidence_free(struct td_evidence *evidence);

/*
 * A whole file that is neither text nor capture. file and name as in td_doctor_file; bytes stay
 * the caller's. A flash dump is put aside until td_evidence_dumps, whatever the order of files;
 * beyond 8, or without memory, it is judged at once, by a guess at its slots. Never fails: what
 * cannot be read is a fact as well (`file.unreadable`).
 */
void td_evidence_file(struct td_evidence *evidence, uint16_t file, const char *name,
                      const uint8_t *bytes, size_t len);

/*
 * The flash dumps, each judged by the layout that agrees best with where its images and trailers
 * lie; where none does, by a guess. Once, before td_doctor_end.
 */
void td_evidence_dumps(struct td_evidence *evidence, const struct td_layout *const *layouts,
                       size_t n);

/* Facts that need more than one file; once. */
void td_evidence_end(struct td_evidence *evidence);

#endif
