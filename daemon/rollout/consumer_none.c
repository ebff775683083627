/* Kind none: the consumer watches its files, or a path unit reloads it. */
#include "daemon/rollout/consumer_kind.h"

const struct consumer_kind consumer_kind_none = { .name = "none" };
