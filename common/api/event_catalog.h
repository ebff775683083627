/*
 * common/api/event_catalog.h: the events as a catalogue of systemd's journal: `journalctl -x` then explains each
 * message of certd with what it means and what to do. The catalogue is made from the table of events when certd is
 * built.
 */
#ifndef COMMON_API_EVENT_CATALOG_H
#define COMMON_API_EVENT_CATALOG_H

#include "common/api/event.h"
#include "common/buf.h"

/*
 * The MESSAGE_ID of a kind: 128 bits as hexadecimal digits, always the same for its name (of SHA-256, in the form of a
 * UUID of version 8, RFC 9562 s5.8). So a new kind has one without an entry anywhere.
 * @info: of event_info(). Computed once;
 * not thread-safe.
 */
const char *
event_message_id(const struct event_info *info);

/* What an operator can do about a warning or an error; NULL: nothing has to be done. */
const char *
event_advice(enum event_kind kind);

/* The whole catalogue, as `journalctl --update-catalog` reads it. */
void
event_catalog(struct buf *ret);

#endif
