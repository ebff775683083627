# The sample configuration, and examples for web servers. The system tests load them unchanged.
examplesdir = $(docdir)/examples
dist_examples_DATA = etc/certd.conf etc/apache-acme-challenge.conf \
	etc/caddy-acme-challenge.conf etc/nginx-acme-challenge.conf etc/nginx-tls.conf etc/haproxy-acme-challenge.cfg \
	etc/nginx-acme-stateless.conf etc/haproxy-acme-stateless.cfg etc/apache-acme-stateless.conf \
	etc/caddy-acme-stateless.conf etc/haproxy-tls-alpn.cfg etc/haproxy-tls.cfg etc/nginx-tls-alpn.conf etc/container/Containerfile

# Prometheus and Grafana.
prometheusdir = $(docdir)/prometheus
dist_prometheus_DATA = etc/prometheus/certd-rules.yml etc/prometheus/certd-dashboard.json etc/prometheus/prometheus.yml

# Never overwrite an existing configuration; uninstall removes it only if it still equals the sample.
certd_conf = $(DESTDIR)$(sysconfdir)/certd/certd.conf
install-certd-conf:
	test -e '$(certd_conf)' || { $(MKDIR_P) '$(DESTDIR)$(sysconfdir)/certd' && \
		$(INSTALL_DATA) $(srcdir)/etc/certd.conf '$(certd_conf)'; }

uninstall-certd-conf:
	! cmp -s $(srcdir)/etc/certd.conf '$(certd_conf)' || rm -f '$(certd_conf)'

install-data-local: install-certd-conf
uninstall-local: uninstall-certd-conf
.PHONY: install-certd-conf uninstall-certd-conf
