/*
 * daemon/control/rest_events.h: GET /events with "Accept: text/event-stream": server-sent events, one for each event of
 * the stream (daemon/report/events.h), while the connection lasts.
 */
#ifndef DAEMON_CONTROL_REST_EVENTS_H
#define DAEMON_CONTROL_REST_EVENTS_H

#include "daemon/base/httpd_conn.h"
#include "daemon/service/service.h"

/* Is @head such a request? */
bool
rest_events_is_asked(const struct httpd_head *head);

/*
 * rest_events() - answer it
 * As event.subscribe: with @params' "after", first the stored events after that number. A reader that is too slow is
 * disconnected, and everybody after a quarter of an hour, so that a revoked token ends; clients begin again after the
 * last number they have seen.
 * @peer: copied
 */
void
rest_events(struct service *service, struct httpd_conn *conn, const struct peer *peer, struct json_object *params);

#endif
