#include "content.hpp"
#include "impl.hpp"

namespace clb::store {

std::optional<Cost> Store::cost(const base::RunSpec& spec, const Machine& machine) const {
  const std::string comparability = content_key("comparability", spec.comparability_json());
  const std::string config = config_key(spec), of_class = class_key(machine);
  return impl_->read([&](SQLite::Database& db) -> std::optional<Cost> {
    SQLite::Statement query(db, R"sql(
      SELECT avg((SELECT sum(wall_s) FROM span WHERE attempt_id = attempt.id)), machine.class_key = ?4 AS same_class,
        config.key = ?5 AS same_config
      FROM run JOIN config ON config.id = run.config_id JOIN attempt ON attempt.run_id = run.id
        JOIN machine ON machine.id = attempt.machine_id JOIN attempt_status AS s ON s.attempt_id = attempt.id
      WHERE run.comparability_key = ?1 AND config.method = ?2 AND run.precision = ?3 AND s.status = 'ok'
      GROUP BY same_class, same_config ORDER BY same_class DESC, same_config DESC)sql");
    query.bind(1, comparability);
    query.bind(2, spec.method.id);
    query.bind(3, spec.precision);
    query.bind(4, of_class);
    query.bind(5, config);
    while (query.executeStep()) {
      if (query.getColumn(0).isNull()) continue;  // no time of them was kept
      return Cost{query.getColumn(0).getDouble(), query.getColumn(1).getInt() != 0, query.getColumn(2).getInt() != 0};
    }
    return std::nullopt;
  });
}

}  // namespace clb::store
