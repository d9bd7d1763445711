// Rows measured elsewhere.
#include "impl.hpp"

namespace clb::store {
namespace {

using base::Json;

Json metric_json(const ImportedMetric& metric) { return {metric.id, metric.version, metric.n, metric.mean, metric.per_run}; }

std::string key_of(const ImportedRow& row) {
  Json metrics = Json::array();
  for (const ImportedMetric& metric : row.metrics) metrics.push_back(metric_json(metric));
  return content_key("imported", {row.citation, row.url, row.comparability_key, row.dataset, row.protocol, row.weights, row.method,
                                  row.setting, std::move(metrics)});
}

bool has(SQLite::Database& db, const std::string& key) {
  SQLite::Statement query(db, "SELECT 1 FROM imported WHERE key = ?");
  query.bind(1, key);
  return query.executeStep();
}

void append(SQLite::Database& db, const std::string& key, const ImportedRow& row) {
  insert(db, "imported",
         {{"key", key},
          {"citation", row.citation},
          {"url", row.url},
          {"comparability_key", row.comparability_key},
          {"dataset", row.dataset},
          {"protocol", row.protocol},
          {"weights", row.weights},
          {"method", row.method},
          {"setting", row.setting}});
  const int64_t id = db.getLastInsertRowid();
  for (const ImportedMetric& metric : row.metrics)
    insert(db, "imported_metric",
           {{"imported_id", id},
            {"metric", metric.id},
            {"metric_version", metric.version},
            {"n", metric.n},
            {"mean", metric.mean},
            {"per_run", base::canonical(Json(metric.per_run))}});
}

}  // namespace

size_t Store::add_imported(const std::vector<ImportedRow>& rows) {
  return impl_->write([&](SQLite::Database& db) {
    size_t added = 0;
    for (const ImportedRow& row : rows) {
      const std::string key = key_of(row);
      if (has(db, key)) continue;
      append(db, key, row);
      ++added;
    }
    return added;
  });
}

std::vector<ImportedRow> Store::imported() const {
  return impl_->read([&](SQLite::Database& db) {
    std::vector<ImportedRow> rows;
    SQLite::Statement query(db,
                            "SELECT id, citation, url, comparability_key, dataset, protocol, weights, method, setting FROM imported "
                            "ORDER BY citation, dataset, protocol, method, setting, key");
    SQLite::Statement metrics(db,
                              "SELECT metric, metric_version, n, mean, per_run FROM imported_metric WHERE imported_id = ? ORDER BY metric");
    while (query.executeStep()) {
      auto text = [&](int column) { return query.getColumn(column).getString(); };
      ImportedRow& row = rows.emplace_back(ImportedRow{text(1), text(2), text(3), text(4), text(5), text(6), text(7), text(8), {}});
      metrics.reset();
      metrics.bind(1, query.getColumn(0).getInt64());
      while (metrics.executeStep()) {
        const Json list = base::parse_json(metrics.getColumn(4).getString(), impl_->file.string() + ": an imported row");
        row.metrics.push_back({metrics.getColumn(0).getString(),
                               metrics.getColumn(1).getInt64(),
                               metrics.getColumn(2).getInt64(),
                               metrics.getColumn(3).getDouble(),
                               {}});
        for (const Json& value : list)
          if (value.is_number()) row.metrics.back().per_run.push_back(value.get<double>());
      }
    }
    return rows;
  });
}

}  // namespace clb::store
