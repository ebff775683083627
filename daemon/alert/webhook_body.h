/*
 * daemon/alert/webhook_body.h: a message in the format of a receiver of webhooks. Pure. The texts of a message come
 * from CAs, servers and programs: what a receiver would obey in them (markup, mentions) is disarmed.
 */
#ifndef DAEMON_ALERT_WEBHOOK_BODY_H
#define DAEMON_ALERT_WEBHOOK_BODY_H

#include "daemon/alert/message.h"

struct webhook_request {
	char *url; /* owned; the declared one, or what the receiver's API is below it */
	struct json_object *body;
};

#define _cleanup_webhook_request_ _cleanup_(webhook_request_clear)

void
webhook_request_clear(struct webhook_request *r);

/*
 * webhook_request_make() - what to POST
 * @template: of ALERT_TEMPLATES; NULL: json
 * @url: as declared. ntfy: the URL of the topic. Alertmanager: its root, or the whole path of its API
 * @now: UNIX seconds
 * ERROR_INVALID: the URL does not fit the template. Return: 0 or -1.
 */
int
webhook_request_make(const char *template, const char *url, const struct message *m, const char *host, int64_t now,
	struct webhook_request *ret, struct error *err);

#endif
