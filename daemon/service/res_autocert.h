/* daemon/service/res_autocert.h: the interface of auto-certificates for other resources. */
#ifndef DAEMON_SERVICE_RES_AUTOCERT_H
#define DAEMON_SERVICE_RES_AUTOCERT_H

#include "daemon/service/resource.h"

/*
 * The certificate in use no longer matches the declaration: cancels running work, and starts the next order now (unless
 * @a is paused). The caller saves @a.
 */
void
autocert_reissue(struct call *call, struct autocert *a);

/*
 * Starts what a change of the declaration from @old to @a requires, except for what follows from saving @a, which the
 * caller does. Return: 0 or -1.
 */
int
autocert_apply(
	struct call *call, const struct autocert *old, struct autocert *a, struct effect *effect, struct error *err);

/* What goes with @a, which is deleted. @has_certificates: its certificates too. Return: 0 or -1. */
int
autocert_forget(struct call *call, const struct autocert *a, bool has_certificates, struct error *err);

/*
 * Ends a caller's pause of @a, and that of a name at the CA: an attempt that failed is repeated now, or when the CA
 * allows it. The caller saves @a.
 */
void
autocert_end_pause(struct call *call, struct autocert *a);

/* ERROR_LIMIT if there may be no more. @extra: those that the call creates as well. Return: 0 or -1. */
int
autocert_check_limit(struct call *call, int64_t extra, struct error *err);

/* Does its next order wait for a rate limit, as @a->hold_why says? */
bool
autocert_is_on_hold(const struct autocert *a);

/* "issue", "renew" or "retry". */
const char *
autocert_next_action(const struct autocert *a);

/* When its next order, of this row, starts: later than the row says while the CA accepts none of the provider. */
int64_t
autocert_due_at(const struct service *service, const struct autocert *a, const struct schedule_row *row);

#endif
