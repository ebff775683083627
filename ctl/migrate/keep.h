/*
 * ctl/migrate/keep.h: letting servers go on reading the files of the other client: a consumer with that client's
 * layout in its directory, which root has to give to certd's user.
 */
#ifndef CTL_MIGRATE_KEEP_H
#define CTL_MIGRATE_KEEP_H

#include "ctl/migrate/clients.h"

struct keep {
	char *directory;       /* absolute, without symbolic links; owned */
	const char *layout;    /* static */
	struct strlist advice; /* what root must do first, and why; one line each */
};

/*
 * keep_of() - can the files of @c be kept, if it is named @c->name at certd?
 * Return: 1 yes, 0 no, and @ret->advice says why.
 */
int
keep_of(const struct client_kind *kind, const struct found *found, const struct found_certificate *c,
	const char *common_name, struct keep *ret);

void
keep_clear(struct keep *keep);

#endif
