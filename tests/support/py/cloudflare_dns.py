"""CloudflareDns: a stand-in for Cloudflare's API that puts the TXT records it receives into a real name server.

As documented: names are absolute, filters exact, pages numbered; contents are returned unchanged.
"""
import uuid

from ionos_dns import IonosDns

MAX_PAGE = 50


class CloudflareDns(IonosDns):
    name = "cloudflare-dns"

    def answer(self, method, path, query, body):
        with self.lock:
            match method, path:
                case "GET", ["zones"]:
                    return 200, self.page(query, [{"id": i, "name": zone, "status": "active"}
                                                  for i, zone in self.zones.items()
                                                  if query.get("name", zone) == zone])
                case "GET", ["zones", zone_id, "dns_records"] if zone_id in self.zones:
                    records = [self.record(i) for i, r in self.records.items() if r["zone"] == zone_id]
                    return 200, self.page(query, [r for r in records if query.get("name", r["name"]) == r["name"]
                                                  and query.get("type", r["type"]) == r["type"]])
                case "POST", ["zones", zone_id, "dns_records"] if zone_id in self.zones:
                    relative = body["name"].removesuffix(self.zones[zone_id]).rstrip(".")
                    made = self.create(zone_id, {**body, "name": relative, "content": body["content"].strip('"')})
                    return 200, {"success": True, "errors": [], "messages": [], "result": made}
                case "DELETE", ["zones", zone_id, "dns_records", i] if self.has(zone_id, i):
                    self.change("del", self.records.pop(i))
                    return 200, {"result": {"id": i}}
            return 404, self.errors(404, 7003, "Could not route to the path, perhaps your object identifier is invalid?")

    def errors(self, status, code, message):
        return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}

    def page(self, query, items):
        size, number = min(int(query.get("per_page", 20)), MAX_PAGE), int(query.get("page", 1))
        return {"success": True, "errors": [], "messages": [], "result": items[(number - 1) * size:number * size],
                "result_info": {"page": number, "per_page": size, "total_count": len(items)}}

    def record(self, record_id):
        record = self.records[record_id]
        properties = record["properties"]
        return {"id": record_id, "type": properties["type"], "content": f'"{properties["content"]}"',
                "name": ".".join(filter(None, [properties["name"], self.zones[record["zone"]]])),
                "ttl": properties["ttl"], "proxied": False, "zone_tag": uuid.uuid4().hex}

    def create(self, zone_id, properties):
        super().create(zone_id, properties)
        return self.record(list(self.records)[-1])
