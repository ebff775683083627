/*
 * ctl/migrate/hooks.h: what another client runs for a new certificate, and what certd can do instead: reload a
 * service, or run the same with what the hook expects, as a consumer of kind exec. certd runs it as its own user, in
 * its sandbox.
 */
#ifndef CTL_MIGRATE_HOOKS_H
#define CTL_MIGRATE_HOOKS_H

#include "common/json.h"
#include "ctl/migrate/found.h"

enum hook_fate {
	HOOK_RELOADS,   /* it only reloads or restarts .service */
	HOOK_RUNS,      /* certd can run it, as far as can be seen */
	HOOK_NEEDS_ROOT /* certd cannot: .why */
};

struct hook_reading {
	enum hook_fate fate;
	char *service; /* owned */
	char *why;     /* owned */
};

void
hook_reading_clear(struct hook_reading *reading);

/*
 * hook_read() - judge a command
 * @text: as a shell takes it; if its first word is the path of a script, the script is read (FILES_TEXT_MAX), too
 */
void
hook_read(const char *text, struct hook_reading *ret);

/*
 * hook_add() - @certificate has the hook @text
 * @script: the shell script that calls it, as "$0", as the client would; NULL: it expects what certd gives to programs
 * of consumers anyway. One that the certificate has already is left out.
 */
void
hook_add(struct found_certificate *certificate, const char *text, const char *script);

#endif
