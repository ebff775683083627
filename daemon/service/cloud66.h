/* daemon/service/cloud66.h: a certificate as Cloud66's API shows it. */
#ifndef DAEMON_SERVICE_CLOUD66_H
#define DAEMON_SERVICE_CLOUD66_H

#include "daemon/service/resource.h"

/* Exactly Cloud66's members, in its order; keys and certificate bodies are null. Owned by the caller. */
struct json_object *
cloud66_certificate(struct service *service, const struct certificate *c);

/*
 * cloud66_upload() - an upload in Cloud66's shape as parameters of certificate.create
 * That is a flat object with certificate, key and intermediate_certificate; its other members are Cloud66's own and
 * ignored, except the name. Any other @body is not changed.
 */
void
cloud66_upload(struct json_object *body);

#endif
