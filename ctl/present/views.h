/* ctl/present/views.h: views that several commands use. */
#ifndef CTL_PRESENT_VIEWS_H
#define CTL_PRESENT_VIEWS_H

#include "ctl/present/output.h"

extern const struct view view_table;      /* columns of the resource */
extern const struct view view_detail;     /* all details of one object, in sections */
extern const struct view view_events;     /* a line for each event, as they arrive */
extern const struct view view_event_list; /* the same lines for a list of events */

#endif
