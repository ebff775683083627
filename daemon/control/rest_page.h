/*
 * daemon/control/rest_page.h: the page of GET /, for browsers: four files that are compiled in (daemon/control/page/).
 * They contain no data: what the page shows it reads by the same API as any client. The forecast is drawn by certd.
 */
#ifndef DAEMON_CONTROL_REST_PAGE_H
#define DAEMON_CONTROL_REST_PAGE_H

#include "daemon/base/httpd_conn.h"

/*
 * Answers a request for one of the files.
 * @needs_token: the page asks for a token first
 * Return: false: it is for something else, nothing was answered.
 */
bool
rest_page(struct httpd_conn *conn, const struct httpd_head *head, bool needs_token);

/* 200 with a document that only this page's own files may add to; @body: taken. */
void
rest_page_answer(struct httpd_conn *conn, const char *type, struct buf *body);

#endif
