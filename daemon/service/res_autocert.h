/* daemon/service/res_autocert.h: what others need of auto-certificates. */
#ifndef DAEMON_SERVICE_RES_AUTOCERT_H
#define DAEMON_SERVICE_RES_AUTOCERT_H

#include "daemon/service/resource.h"

/*
 * The certificate in use is not the declared one any more: what is under way is given up, the next order begins now
 * (unless @a is paused). Saving @a is the caller's.
 */
void
autocert_reissue(struct call *call, struct autocert *a);

/* "issue", "renew" or "retry". */
const char *
autocert_next_action(const struct autocert *a);

#endif
