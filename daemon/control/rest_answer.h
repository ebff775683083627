/* daemon/control/rest_answer.h: REST answers, in the formats of IONOS Certificate Manager 2.0. */
#ifndef DAEMON_CONTROL_REST_ANSWER_H
#define DAEMON_CONTROL_REST_ANSWER_H

#include "daemon/base/httpd_conn.h"
#include "daemon/service/service.h"

/* @more_fields: header lines in addition to those of every answer, each ending in CRLF; or "". @json: taken. */
void
rest_answer(struct httpd_conn *conn, int status, const char *more_fields, struct json_object *json);

/* The same of another media type than application/json. */
void
rest_answer_as(
	struct httpd_conn *conn, int status, const char *type, const char *more_fields, struct json_object *json);

/* 200 with a text; @body: taken. */
void
rest_answer_text(struct httpd_conn *conn, const char *type, struct buf *body);

/*
 * {httpStatus, messages[{errorCode, message}]} with the other members of struct error. @status 0: by the error's code.
 */
void
rest_refuse(struct service *service, struct httpd_conn *conn, int status, const struct error *err);

/* The same with more header lines. */
void
rest_refuse_with(
	struct service *service, struct httpd_conn *conn, int status, const char *more_fields, const struct error *err);

/* The HTTP status of an error. */
int
rest_status_of(const struct error *err);

/* Changes @object to what REST shows; an item of a list that is text already has been changed (peer.h). */
void
rest_object(const struct api_resource *resource, struct json_object *object);

/*
 * rest_collection() - {id, type, href, items, offset, limit, _links} from the {items, offset, limit, total} of a list
 * @origin: "https://host", or "" for links without
 * @query: of the request; the links keep everything but the position
 * @result: borrowed; its items are changed
 * Return: owned by the caller.
 */
struct json_object *
rest_collection(const struct api_resource *resource, const char *origin, const struct httpd_query *query,
	struct json_object *result);

#endif
