/*
 * daemon/service/slug.h: the name of a drop's directory: unique, derived from an object's first name, and never
 * changed.
 */
#ifndef DAEMON_SERVICE_SLUG_H
#define DAEMON_SERVICE_SLUG_H

#include "daemon/service/call.h"

/*
 * slug_take() - a slug for the object @name
 * Two names may make one slug: the later one gets a number. For a caller with a scope that would reveal a name outside
 * it, so there the slug has a part of the id, unless the name is the object's own @common_name (or NULL).
 * @ret: owned by the caller, replaced. Return: 0 or -1.
 */
int
slug_take(struct call *call, const char *name, const char *common_name, const char *id, char **ret, struct error *err);

/* The directory belongs to another object from now on: its files are replaced, not removed. */
void
slug_hand_over(struct call *call, const char *slug, const char *to_id);

/* The name is free again; the owner removes the files (withdraw.h). */
void
slug_release(struct call *call, const char *slug);

#endif
