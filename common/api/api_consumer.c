/* consumer: a server that uses certificates, and its endpoints. The settings of its kinds are in consumer_kinds.c. */
#include "common/api/api_fields.h"

#include "common/api/consumer_kinds.h"
#include "common/api/endpoint.h"
#include "common/api/outputs.h"

/* One row per line is easier to compare. */
/* clang-format off */

static const char *const rollbacks[] = { "never", "onFailure", NULL };
#define KIND_NAME(kind, help) #kind,
static const char *const activations[] = { CONSUMER_KINDS(KIND_NAME) NULL };
static const char *const protocols[] = { ENDPOINT_PROTOCOLS(ENDPOINT_PROTOCOL_NAME) NULL };
static const char *const layouts[] = { OUTPUT_LAYOUTS(OUTPUT_LAYOUT_WORD) NULL };

static const struct api_field probe_fields[] = {
	{ .name = "host", .type = API_STRING, .flags = API_REQUIRED, .help = "address or host name" },
	{ .name = "port", .type = API_INT, .flags = API_REQUIRED, .min = 1, .max = 65535,
		.help = "TCP port" },
	{ .name = "protocol", .type = API_ENUM, .values = protocols, .fallback = "tls",
		.help = "protocol in which TLS is requested (STARTTLS); tls: the connection begins with TLS" },
	{ .name = "sni", .type = API_STRING, .help = "server name to request",
		.fallback = "host, if the certificate is for it, else the first name of the certificate" },
	{ .name = "addresses", .type = API_STRLIST, .help = "addresses to connect to",
		.fallback = "all addresses of host" },
	{ .name = "alpn", .type = API_STRLIST, .help = "application protocols to offer (ALPN), such as h2",
		.fallback = "none" },
	END,
};

static const struct api_field head[] = {
	NAME_FIELD("name of the consumer"),
	{ .name = "activate", .type = API_ENUM, .values = activations, .fallback = "none",
		.help = "how it is notified" },
	END,
};

static const struct api_field tail[] = {
	{ .name = "rollback", .type = API_ENUM, .values = rollbacks, .fallback = "never",
		.help = "onFailure: the earlier certificate is deployed if the new one fails" },
	{ .name = "probes", .type = API_LIST, .flags = API_ENDPOINT, .option = "probe", .fields = probe_fields,
		.metavar = ENDPOINT_METAVAR, .help = "endpoint that must present the certificate" },
	{ .name = "directory", .type = API_PATH, .metavar = "DIR",
		.help = "additional directory for the files; root must create it for the reader's group" },
	{ .name = "layout", .type = API_ENUM, .values = layouts,
		.help = "names of the files in that directory: those of another program", .fallback = "certd's" },
	{ .name = "outputs", .type = API_STRLIST, .flags = API_VERBATIM, .option = "file",
		.metavar = "FORMAT:PATH[:MODE[:GROUP]]",
		.help = "file in that directory; formats:" OUTPUT_FORMATS(OUTPUT_FORMAT_WORDS) },
	{ .name = "outputPassword", .type = API_SECRET, .metavar = "FILE",
		.help = "password of its files in the formats pkcs12 and jks" },
	END,
};

static const struct api_field rollout_endpoint_fields[] = {
	{ .name = "endpoint", .type = API_STRING, .help = "host and port" },
	{ .name = "served", .type = API_STRING, .help = SERVED_HELP },
	{ .name = "notAfter", .type = API_TIME, .help = "expiry of the certificate that it presented" },
	END,
};

static const struct api_field rollout_fields[] = {
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate",
		.help = "auto-certificate that is deployed; not set for an imported certificate" },
	{ .name = "certificate", .type = API_REF, .resource = "certificate",
		.help = "certificate that is deployed" },
	{ .name = "generation", .type = API_INT, .help = "as in manifest.json" },
	{ .name = "step", .type = API_STRING,
		.help = "last finished step: staged, written, tested, activated, probed, served or rolled back" },
	{ .name = "activated", .type = API_BOOL, .help = "whether the consumer was notified" },
	{ .name = "served", .type = API_STRING, .help = SERVED_HELP },
	{ .name = "endpoints", .type = API_LIST, .fields = rollout_endpoint_fields,
		.help = "what each endpoint presented at the last probe" },
	{ .name = "probedDate", .type = API_TIME, .help = "time of the last probe" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt or probe" },
	{ .name = "lastError", .type = API_OBJECT, .fields = api_error_fields, .help = "why the deployment failed" },
	END,
};

const struct api_field api_consumer_metadata[] = {
	{ .name = "rollouts", .type = API_LIST, .fields = rollout_fields,
		.help = "deployments, one for each auto-certificate and imported certificate; at most 100" },
	{ .name = "moreRollouts", .type = API_INT, .help = "number of further ones; not set if all are listed" },
	END,
};

const struct api_column api_consumer_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "ACTIVATE", "properties.activate", 2 },
	{ "PROBES", "properties.probes", 3 },
	{ "STATE", "metadata.state", 0 },
	{ "MESSAGE", "metadata.message", 1 },
	{ .title = NULL },
};

const struct api_field api_consumer_ref[] = { REF_FIELD("consumer"), END };
const struct api_field api_consumer_update_params[] = { REF_FIELD("consumer"), TAKE_FILES, DRY_RUN, END };
const struct api_field api_consumer_change[] = { REF_FIELD("consumer"), DRY_RUN, END };

const struct api_field api_rollout_params[] = {
	REF_FIELD("consumer"),
	{ .name = "autoCertificate", .type = API_REF, .flags = API_POSITIONAL, .resource = "autoCertificate",
		.metavar = "AUTO", .help = "only this auto-certificate" },
	END,
};

const struct api_field api_rollout_result[] = {
	{ .name = "autoCertificates", .type = API_LIST, .fields = api_object_ref_fields,
		.help = "affected auto-certificates and imported certificates" },
	{ .name = "endpoints", .type = API_INT, .help = "number of probes; each emits a probe.* event" },
	END,
};
/* clang-format on */

struct api_field api_consumer_properties[API_KINDS_PROPERTIES];

__attribute__((constructor)) static void
api_consumer_fill(void)
{
	api_kinds_fill(&consumer_kinds, head, tail, api_consumer_properties);
}
