/*
 * daemon/service/slices.h: long calls, run in slices of a few milliseconds, each in its own turn and in fair
 * competition with other users (fair.h).
 */
#ifndef DAEMON_SERVICE_SLICES_H
#define DAEMON_SERVICE_SLICES_H

#include "daemon/base/fair.h"

struct call;
struct error;
struct json_object;
struct service;
struct slices;

/* One slice: a millisecond or two of work. Return: 1 there is more, 0 complete and *ret, or -1 failed. */
typedef int
slices_step_fn(struct slices *slices, struct json_object **ret, struct error *err);

typedef void
slices_free_fn(struct slices *slices);

/* The first member of a call's state between its slices. */
struct slices {
	struct call *call;
	slices_step_fn *step;
	slices_free_fn *free;
	struct fair_user *user;
	struct fair_task task;
	struct slices *prev, *next;
};

/* The handler returns 1 after that. @free: releases @slices itself, too. */
void
slices_begin(struct slices *slices, struct call *call, slices_step_fn *step, slices_free_fn *free);

/* Running ones are answered ERROR_CANCELLED. */
void
slices_stop(struct service *service);

#endif
