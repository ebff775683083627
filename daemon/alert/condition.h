/*
 * daemon/alert/condition.h: what an operator must know of. A condition is a row of CONDITIONS
 * (common/api/alert_kinds.h) with a function of stored records. It is about an auto-certificate, an imported
 * certificate, a provider, a certificate of others, or certd itself, and has a record in STORE_CONDITION for as long
 * as it holds:
 *
 *   id of the object (or "certd") "/" word -> record
 */
#ifndef DAEMON_ALERT_CONDITION_H
#define DAEMON_ALERT_CONDITION_H

#include "common/api/alert_kinds.h"
#include "daemon/ready/ready.h"
#include "daemon/renew/ct.h"
#include "daemon/rollout/rollout.h"
#include "daemon/store/object.h"

enum severity { SEVERITY_NONE, SEVERITY_WARNING, SEVERITY_CRITICAL };

/* "warning", "critical"; "none". */
const char *
severity_name(enum severity severity);

/* Inverse; NULL and unknown names are a warning. */
enum severity
severity_find(const char *name);

/* What concerns certd itself; all borrowed. */
struct condition_certd {
	const char *state_dir;
	const char *audit; /* how the audit log was altered; NULL: it was not */
	bool is_disk_full;
	bool is_store_failing;    /* for another reason */
	uint64_t damaged_records; /* of the store */
	bool is_clock_wrong;
};

/* What the functions of the conditions may look at; all borrowed. .finding is set, or one of the first four. */
struct condition_facts {
	const struct autocert *autocert;
	const struct certificate *certificate; /* imported, and deployed or held back */
	const struct provider *provider;
	const struct condition_certd *certd;
	const struct rollout_state *rollout;       /* of the certificate; NULL: it was never deployed */
	const struct ready_state *ready;           /* of the last check of an auto-certificate; or NULL */
	const struct certificate *revoked;         /* the newest one, if certd found it in a revocation list; or NULL */
	const struct ct_finding *finding;          /* a certificate of others */
	const char *changed;                       /* what others have changed in its files; or NULL */
	int64_t changed_until;                     /* of interest until then */
	const char *id;                            /* of what is looked at */
	struct store *store;                       /* for names */
	int64_t planned_at;                        /* of the renewal; 0: unknown */
	int64_t warning_percent, critical_percent; /* of the lifetime */
	int64_t now;
};

struct condition_kind {
	const char *word;
	const char *title;
	/*
	 * Does it hold? Appends the reason to @text, one line. Lowers @again_at to the next time at which the answer
	 * changes without a change of a record.
	 */
	enum severity (*holds)(const struct condition_facts *facts, struct buf *text, int64_t *again_at);
};

enum {
#define CONDITION_COUNTED(word, title) +1
	CONDITION_COUNT = 0 CONDITIONS(CONDITION_COUNTED)
};

/* What prevents all work of certd, a line for people; NULL: nothing. Owned by the caller. */
char *
condition_of_all(const struct condition_certd *certd);

/* The worst first. */
extern const struct condition_kind condition_kinds[CONDITION_COUNT];

struct condition {
	char *incident; /* its word, the id of its object and the time of its begin */
	char *severity;
	char *type; /* of the object; NULL: certd itself */
	char *name;
	char *text;
	int64_t begun_at;
	struct strlist notified; /* ids of the alerts that have a message about it */
	struct buf unknown;
};

RECORD_DECLARE(condition, condition_class);

#define _cleanup_condition_ _cleanup_(condition_clear)

/* The id in the key of a condition of certd itself. */
#define CONDITION_OF_CERTD "certd"

enum { CONDITION_KEY_SIZE = STORE_ID_SIZE + 16 };

void
condition_key(const char *object_id, const char *word, char ret[CONDITION_KEY_SIZE]);

#endif
