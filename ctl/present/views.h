/* ctl/present/views.h: views that more than one command uses. */
#ifndef CTL_PRESENT_VIEWS_H
#define CTL_PRESENT_VIEWS_H

#include "ctl/present/output.h"

extern const struct view view_table;      /* columns of the resource */
extern const struct view view_detail;     /* everything about one object, in sections */
extern const struct view view_events;     /* a line for each event, as they come */
extern const struct view view_event_list; /* the same lines for a list of events */

#endif
