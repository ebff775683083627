/*
 * common/api/consumer_kinds.h: the kinds of consumers, one row each: how a consumer is notified of new files. The API's
 * property "activate", certctl's help and the table of the kinds' functions are made from it.
 *
 * A new kind is a row of CONSUMER_KINDS, its settings in consumer_kinds.c (see kinds.h), and
 * daemon/rollout/consumer_<kind>.c with its struct consumer_kind (daemon/rollout/consumer_kind.h).
 */
#ifndef COMMON_API_CONSUMER_KINDS_H
#define COMMON_API_CONSUMER_KINDS_H

#include "common/api/kinds.h"

/* The first is the default. */
/* clang-format off */
#define CONSUMER_KINDS(KIND) \
	KIND(none, "it watches the files") \
	KIND(notify, "a datagram") \
	KIND(exec, "a program") \
	KIND(unit, "a unit of systemd") \
	KIND(signal, "a signal to its process") \
	KIND(haproxy, "the runtime API of HAProxy")
/* clang-format on */

extern const struct api_kinds consumer_kinds;

#endif
