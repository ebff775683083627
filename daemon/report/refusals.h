/*
 * daemon/report/refusals.h: refused calls as events. A refused caller decides how many there are, and must not displace
 * important events: its first refusal is an event; later ones are counted and reported together after a minute, then
 * ten, then every hour.
 */
#ifndef DAEMON_REPORT_REFUSALS_H
#define DAEMON_REPORT_REFUSALS_H

#include "daemon/report/events.h"

struct loop;
struct refusals;

/* Both borrowed; must outlive it. */
struct refusals *
refusals_new(struct loop *loop, struct events *events);

/* Reports what was counted since. NULL is a no-op. */
void
refusals_free(struct refusals *refusals);

/* @who: label of the caller ("uid:1000"); @err: why it was refused, reported as EVENT_ACCESS_DENIED. Both copied. */
void
refusals_note(struct refusals *refusals, const char *who, const struct error *err);

#endif
