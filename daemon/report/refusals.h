/*
 * daemon/report/refusals.h: refused calls as events. Who is refused decides how often, and must not push what matters out
 * of the event window: the first refusal of a caller is an event, those that follow are counted and told together, a
 * minute later, then ten, then every hour.
 */
#ifndef DAEMON_REPORT_REFUSALS_H
#define DAEMON_REPORT_REFUSALS_H

#include "daemon/report/events.h"

struct loop;
struct refusals;

/* Both borrowed; must outlive it. */
struct refusals *
refusals_new(struct loop *loop, struct events *events);

/* What was counted and not told yet is told. NULL is a no-op. */
void
refusals_free(struct refusals *refusals);

/* @who: label of the caller ("uid:1000"); @err: why it was refused, told as EVENT_ACCESS_DENIED. Both copied. */
void
refusals_note(struct refusals *refusals, const char *who, const struct error *err);

#endif
