/*
 * daemon/service/slices.h: calls that take long, made in slices of a few milliseconds, each in a turn of its own and in
 * competition with other users' (fair.h).
 */
#ifndef DAEMON_SERVICE_SLICES_H
#define DAEMON_SERVICE_SLICES_H

#include "daemon/base/fair.h"

struct call;
struct error;
struct json_object;
struct service;
struct slices;

/* One slice: a millisecond or two of work. Return: 1 there is more to do, 0 complete and *ret, or -1 failed. */
typedef int
slices_step_fn(struct slices *slices, struct json_object **ret, struct error *err);

typedef void
slices_free_fn(struct slices *slices);

/* The first member of what a call remembers between its slices. */
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

/* Those under way are answered ERROR_CANCELLED. */
void
slices_stop(struct service *service);

#endif
