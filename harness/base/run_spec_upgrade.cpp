// Specs of every shape that was ever stored, lifted to today's.
//
// A member that came with a neutral value needs nothing here (neutral.hpp). A step is due when a shape changes in another way: it lifts
// specs below a version, and the version that RunSpec::to_json writes rises.
#include <clb/base/error.hpp>
#include <clb/base/run_spec.hpp>
#include <initializer_list>
#include <utility>

namespace clb::base {
namespace {

bool lacks(const Json& json, const char* object, std::initializer_list<const char*> members) {
  const auto found = json.find(object);
  if (found == json.end() || !found->is_object()) return false;
  for (const char* member : members)
    if (found->contains(member)) return false;
  return true;
}

bool says_version(const Json& json, int64_t version) {
  const auto found = json.find("version");
  return found != json.end() && found->is_number_integer() && *found == version;
}

// Before there were domains and feature vectors. These specs say version 1 as their successors do and are known by what they lack; here
// they get the number 0. What their keys hash goes on without the two members of the protocol (RunSpec::key_form).
void add_domains_and_vectors(Json& json) {
  if (!says_version(json, 1)) return;
  if (lacks(json, "protocol", {"domain_order", "eval_on"})) {
    json["protocol"]["domain_order"] = Json::array();
    json["protocol"]["eval_on"] = "seen";
    json["version"] = 0;
  }
  if (lacks(json, "dataset", {"modality", "feature_dim"})) {
    json["dataset"]["modality"] = "images";
    json["dataset"]["feature_dim"] = 0;
  }
}

// Of how a run is executed what evaluation and resumption need again: where its files lie that no other member names.
Json places_in(const Json& json) {
  Json places = Json::object();
  const auto execution = json.find("execution");
  if (execution == json.end() || !execution->is_object()) return places;
  for (const char* name : {"asset_files", "asset_datasets", "vocabulary_files"})
    if (const auto found = execution->find(name); found != execution->end()) places[name] = *found;
  return places;
}

}  // namespace

Json RunSpec::upgrade(Json json) {
  if (!json.is_object()) return json;
  add_domains_and_vectors(json);
  return json;
}

Json RunSpec::to_stored() const {
  Json json = to_json();
  json["execution"] = places_in(json);
  if (json["execution"].empty()) json.erase("execution");
  return json;
}

RunSpec RunSpec::from_stored(Json json, const std::string& where) {
  if (!json.is_object()) throw Error(where + " is no JSON object; the file was changed by hand or is damaged");
  const Json places = places_in(json);
  json["execution"] = RunSpec().to_json().at("execution");
  json["execution"].update(places);
  return from_json(json, where);
}

}  // namespace clb::base
