/*
 * daemon/alert/message.h: what is sent to an alert destination. A message waits in STORE_MESSAGE until its destination
 * has accepted it:
 *
 *   alert id "/" number (16 hexadecimal digits) -> record
 *
 * The numbers of a destination only grow, so its messages are delivered in the order in which they were queued.
 */
#ifndef DAEMON_ALERT_MESSAGE_H
#define DAEMON_ALERT_MESSAGE_H

#include "common/json.h"
#include "daemon/store/record.h"

struct message {
	char *id;         /* the same in every attempt: incident "." severity, or incident ".resolved" */
	char *incident;   /* of the condition: the same from its begin to its end */
	char *condition;  /* its word; "test" */
	char *status;     /* "firing", "resolved", "test" */
	char *severity;   /* "warning", "critical" */
	char *was;        /* the severity of an earlier message about the incident; or NULL */
	char *type;       /* of the object: "autocertificate"; NULL: it is about certd itself */
	char *object;     /* its id */
	char *name;       /* its name */
	char *title;      /* "certificate has expired" */
	char *text;       /* the reason: one printable line */
	int64_t begun_at; /* UNIX seconds */
	int64_t ended_at; /* resolved; 0: not yet */
	int64_t queued_at;
	int64_t merged;   /* further messages that it stands for, because the queue was full */
	int64_t refusals; /* how often its destination refused it for good */
	struct buf unknown;
};

RECORD_DECLARE(message, message_class);

#define _cleanup_message_ _cleanup_(message_clear)

/* Does it report a severity of its own, at the end or the begin? */
bool
message_is_resolved(const struct message *m);

/* "[critical] www.example.com: certificate has expired", one line. Owned by the caller. */
char *
message_subject(const struct message *m);

/* certd's own format, as in certd(8). @host: of this host. Owned by the caller. */
struct json_object *
message_to_json(const struct message *m, const char *host);

#endif
