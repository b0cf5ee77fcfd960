/* tools/package_priv.h - what the two forms of a package and their judge share. */
#ifndef TD_TOOLS_PACKAGE_PRIV_H
#define TD_TOOLS_PACKAGE_PRIV_H

#include "tools/package.h"

bool td_package_fail(struct td_package_fault *fault, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* member: index, or -1. Beyond TD_PACKAGE_ISSUES they are dropped. */
void td_package_issue(struct td_package *p, enum td_package_harm harm, const char *code, int member,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A member without content yet; NULL when there are TD_PACKAGE_MEMBERS. */
struct td_member *td_package_add(struct td_package *p, const char *name);
struct td_member *td_package_find(struct td_package *p, const char *name);

/* The manifest's text, into members and issues. */
void td_manifest_read(struct td_package *p, const char *text, size_t len);

/* What a member is, from its bytes. */
void td_package_look(struct td_member *m);

/* Looks into each member, and compares all of them with the manifest. */
void td_package_judge(struct td_package *p);

#endif
