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
	const char *path = setting_text(&c->settings, "socket");

	if (path[0] != '/' && path[0] != '@')
		return error_set_field(err, "socket", "must be an absolute path, or @NAME for an abstract socket");
	if (strlen(path) > max)
		return error_set_field(err, "socket", "the path of a socket has at most %zu octets", max);
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
	return notify_send_to(setting_text(&r->consumer->settings, "socket"), text, err);
}

const struct consumer_kind consumer_kind_notify = {
	.name = "notify",
	.check = consumer_notify_check,
	.start = consumer_notify_start,
};
