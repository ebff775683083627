/* daemon/control/res_autocert.h: what changing an auto-certificate causes, and how its next step is called. */
#ifndef DAEMON_CONTROL_RES_AUTOCERT_H
#define DAEMON_CONTROL_RES_AUTOCERT_H

#include "daemon/control/resource.h"

enum autocert_change {
	AUTOCERT_NOTHING,
	AUTOCERT_RESCHEDULE, /* the renewal moves */
	AUTOCERT_REDEPLOY,   /* other consumers: roll out again */
	AUTOCERT_REISSUE     /* the certificate in use is not the declared one any more */
};

/* Pure: what the step from @old to @new causes. */
enum autocert_change
autocert_change(const struct autocert *old, const struct autocert *new);

/* "issue", "renew" or "retry". */
const char *
autocert_next_action(const struct autocert *a);

#endif
