/*
 * daemon/control/forecast_page.h: the answer of server.forecast as a page that needs no script: a plot of the renewals
 * of each day (SVG) with lines for the limits of the CAs, its content in words, and the same as a table. Pure.
 */
#ifndef DAEMON_CONTROL_FORECAST_PAGE_H
#define DAEMON_CONTROL_FORECAST_PAGE_H

struct buf;
struct json_object;

/* Appends an HTML document whose <figure> may be shown in another page, too. @forecast: borrowed. */
void
forecast_page(struct json_object *forecast, struct buf *ret);

#endif
