/*
 * daemon/renew/window.h: renewals and rollouts in the windows that are declared, and outside the freezes. What cannot
 * wait does not: a first certificate, another declaration, a revoked certificate, a caller's wish, a window of the CA
 * that ends, and the last twentieth of the lifetime.
 */
#ifndef DAEMON_RENEW_WINDOW_H
#define DAEMON_RENEW_WINDOW_H

#include "common/calendar.h"
#include "daemon/renew/issue.h"

enum window_kind { WINDOW_ISSUE, WINDOW_ROLLOUT };

/*
 * window_check() - are the declared windows and freezes readable?
 * On failure the error's field is the item: "properties.issueWindows[0]". Return: 0 or -1.
 */
int
window_check(const struct strlist *issue_windows, const struct strlist *rollout_windows, const struct strlist *freezes,
	struct error *err);

/*
 * window_read() - the calendar of an auto-certificate: its windows, else its provider's; the freezes of both
 * What cannot be read any more, because the time zone database has changed, restricts nothing.
 * @ret: cleared by the caller. Return: whether there is any restriction.
 */
bool
window_read(const struct autocert *a, const struct provider *p, enum window_kind kind, struct calendar *ret);

/* "Mon..Fri 02:00-05:00 Europe/Berlin; not 2026-12-24"; owned by the caller; NULL: no restriction. */
char *
window_text(const struct autocert *a, const struct provider *p, enum window_kind kind);

/*
 * What the planned renewal waits for, as window_text(); owned by the caller; NULL: it does not wait. Not while an order
 * is retried, or held by a rate limit.
 */
char *
window_waits_for(const struct issue_env *env, const struct autocert *a);

/* Pure: when what is due at @at happens: in the calendar, but not after @latest, nor before @at. */
int64_t
window_due(const struct calendar *calendar, int64_t at, int64_t latest, uint64_t seed);

/* When the order that is due at @at may start. Return: @at, if nothing is declared or it cannot wait. */
int64_t
window_issue_at(const struct issue_env *env, const struct autocert *a, int64_t at);

/* When its new certificate may be deployed. @old: the record of before, with the certificate in use. */
int64_t
window_rollout_at(const struct issue_env *env, const struct autocert *old, int64_t now);

#endif
