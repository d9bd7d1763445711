// A module is anything with named parameters: a network, an adapter, a head. Whoever trains, freezes, copies, moves, counts or saves
// parameters does it through this one door. A module that is made of others names them once, in parts():
//
//   class Bottleneck final : public Module {
//     void parts(Parts& p) override { p("down", down_)("up", up_)("scale", scale_); }
//     Linear down_, up_;        // linear.hpp; their parameters are "down.weight", "down.bias", "up.weight", ...
//     torch::Tensor scale_;
//   };
//
// A module that is copied as a C++ object shares its tensors with the copy, as tensors do; copy_of() gives a module of its own.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace clb::nn {

using ParameterVisitor = std::function<void(const std::string& name, torch::Tensor& tensor)>;

class Module;

// What a module consists of, in its order. A part whose name is "" has its names as they are, any other's begin with "<name>.".
class Parts {
 public:
  using ModuleVisitor = std::function<void(const std::string& name, Module& part)>;
  Parts(ParameterVisitor tensor, ModuleVisitor module) : tensor_(std::move(tensor)), module_(std::move(module)) {}

  Parts& operator()(const std::string& name, torch::Tensor& parameter) {  // an undefined tensor (no bias, no scale) is left out
    if (parameter.defined()) tensor_(name, parameter);
    return *this;
  }
  Parts& operator()(const std::string& name, Module& part) {
    module_(name, part);
    return *this;
  }

 private:
  ParameterVisitor tensor_;
  ModuleVisitor module_;
};

class Module {
 public:
  virtual ~Module() = default;

  // Calls visit(name, tensor) for every parameter, always in the same order; names are unique within the module. The visitor may replace
  // the tensor. Those of parts(), unless a module gives others: views of other modules, tensors that are kept in another form.
  virtual void parameters(const ParameterVisitor& visit);

  // Training mode on or off, for modules that behave differently (dropout, counters) and for their parts. Off at first.
  virtual void train(bool on);

 protected:
  virtual void parts(Parts&) {}

  Module() = default;
  Module(const Module&) = default;
  Module& operator=(const Module&) = default;
};

// Those parameters of a module whose names begin with one of the prefixes; a view that the module must outlive.
class Part final : public Module {
 public:
  Part(Module& whole, std::vector<std::string> prefixes) : whole_(&whole), prefixes_(std::move(prefixes)) {}
  void parameters(const ParameterVisitor& visit) override;
  void train(bool on) override { whole_->train(on); }

 private:
  Module* whole_;
  std::vector<std::string> prefixes_;
};

// Trained tensors stay or become float32, whatever the frozen rest is stored in.
void freeze(Module& module);
void unfreeze(Module& module);

std::vector<torch::Tensor> trained_tensors(const Module& module);  // those that want a gradient
int64_t trained_numbers(Module& module);                           // how many numbers these hold
void move_to(Module& module, torch::Device device);
std::array<uint8_t, 32> content_hash(Module& module);  // over names, types, sizes and numbers of all parameters

// Gives every parameter memory of its own; whether it is trained stays as it is.
void unshare(Module& module);

template <class M>
M copy_of(const M& module) {
  M copy = module;
  unshare(copy);
  return copy;
}

}  // namespace clb::nn
