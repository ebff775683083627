/* Kind notify: one datagram in the format of sd_notify(3), to the consumer's socket. */
#include "daemon/rollout/consumer_kind.h"

#include "daemon/base/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int
consumer_notify_check(const struct consumer *c, struct error *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (!c->socket)
		return error_set_field(err, "properties.socket", "activate notify requires the socket to notify");
	if (c->socket[0] != '/' && c->socket[0] != '@')
		return error_set_field(
			err, "properties.socket", "must be an absolute path, or @NAME for an abstract socket");
	if (strlen(c->socket) > max)
		return error_set_field(err, "properties.socket", "the path of a socket has at most %zu octets", max);
	return 0;
}

static int
consumer_notify_start(struct activation *a _unused_, struct loop *loop _unused_, const struct activate_request *r,
	void **ret_work _unused_, struct error *err)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;

	consumer_kind_describe(r, "X_CERTD_", &lines);
	text = strlist_join(&lines, "\n");
	return notify_send_to(r->consumer->socket, text, err);
}

const struct consumer_kind consumer_kind_notify = {
	.name = "notify",
	.check = consumer_notify_check,
	.start = consumer_notify_start,
};
