/*
 * daemon/alert/alert_list.h: the conditions that hold (condition.h), as status, metrics and the page show them: those
 * that alerts report, and no others.
 */
#ifndef DAEMON_ALERT_ALERT_LIST_H
#define DAEMON_ALERT_ALERT_LIST_H

#include "daemon/alert/condition.h"

struct alerts;

/*
 * alerts_list() - the conditions that hold, the worst first, at most @max
 * {condition, severity, title, message, object{type, id, name}, since}, as a JSON array owned by the caller.
 * @ret_count: all of them, up to 10000.
 */
struct json_object *
alerts_list(const struct alerts *alerts, size_t max, size_t *ret_count);

/* How many of each row of the table hold with each severity. Begins zeroed. */
struct condition_counts {
	int64_t n[CONDITION_COUNT][SEVERITY_CRITICAL + 1];
	char at[CONDITION_KEY_SIZE]; /* the last one that was counted */
};

/* Counts up to @max more. Return: 1 there may be more, 0 these are all, -1 failed. */
int
alerts_count(const struct alerts *alerts, struct condition_counts *counts, size_t max, struct error *err);

/* A line for each condition of the object @id: severity, begin and title. Appended to @ret. */
void
alerts_of_object(const struct alerts *alerts, const char *id, struct strlist *ret);

/* What prevents all work of certd, a line for people; NULL: nothing. Owned by the caller. */
char *
alerts_trouble(const struct alerts *alerts);

#endif
