/*
 * common/api/consumer_kinds.h: the kinds of consumers, one row each: how a consumer is notified of new files. The API's
 * property "activate", certctl's help and the table of the kinds' functions are made from it.
 *
 * A new kind is a row here and daemon/rollout/consumer_<kind>.c with its struct consumer_kind
 * (daemon/rollout/consumer_kind.h). A setting that no kind has yet is also a property (api_table.c) with a member of
 * struct consumer (object_classes.c).
 */
#ifndef COMMON_API_CONSUMER_KINDS_H
#define COMMON_API_CONSUMER_KINDS_H

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

#define CONSUMER_KIND_NAME(kind, help) #kind,
#define CONSUMER_KIND_HELP(kind, help) "; " #kind ": " help

#endif
