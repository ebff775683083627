# example configuration
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	etc/haproxy-acme-challenge.cfg \
	etc/nginx-acme-challenge.conf
