/* daemon/service/slug.h: the name of a drop's directory: unique, made from an object's name once and kept for life. */
#ifndef DAEMON_SERVICE_SLUG_H
#define DAEMON_SERVICE_SLUG_H

#include "daemon/service/call.h"

/*
 * slug_take() - a slug for the object @name
 * Two names may make one slug: the later one gets a number. For a caller with a scope that would tell of a name outside
 * it, so there the slug has a part of the id, unless the name is the object's own @common_name (or NULL).
 * @ret: owned by the caller, replaced. Return: 0 or -1.
 */
int
slug_take(struct call *call, const char *name, const char *common_name, const char *id, char **ret, struct error *err);

/* The directory is another object's from now on: its files are replaced, not removed. */
void
slug_hand_over(struct call *call, const char *slug, const char *to_id);

/* The name is free again; the files are withdrawn (withdraw.h) by whom they belong to. */
void
slug_release(struct call *call, const char *slug);

#endif
