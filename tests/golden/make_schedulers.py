"""Scheduler cases: time steps, sigmas and whole sampling trajectories with a synthetic model."""

import os
import sys
import tempfile

from common import ROOT, RecordedNoise, fresh_folder, randn, generator, read_json, save_tensors, write_json

import diffusers
import numpy as np
import torch
from torch.overrides import TorchFunctionMode

SHAPE = (2, 3, 2, 3, 4)  # batch, channels, frames, height, width

SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
ANIMATE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", steps_offset=1, clip_sample=False)
COSINE = dict(beta_schedule="squaredcos_cap_v2")
SHORT = dict(num_train_timesteps=40, trained_betas=[round(0.001 + 0.0008 * i, 6) for i in range(40)])
V = dict(prediction_type="v_prediction")
X0 = dict(prediction_type="sample")
ZERO_SNR = dict(rescale_betas_zero_snr=True, timestep_spacing="trailing", **V)


def case(config, *runs, full_file=False):
    """`runs`: (steps, keyword arguments of `step`). `full_file`: the configuration as save_pretrained writes it."""
    return dict(config=config, runs=[r if isinstance(r, tuple) else (r, {}) for r in runs], full_file=full_file)


FAMILIES = {
    "DDIMScheduler": {
        "defaults_absent": case({}, 1, 5),  # clip_sample is true by default
        "animatediff_linear": case(ANIMATE, 6, (5, dict(eta=0.5)), 20),
        "leading_offset": case(dict(SD, steps_offset=1, clip_sample=False, set_alpha_to_one=False), 6,
                               (6, dict(eta=1.0))),
        # 1000 / 6 is no integer: the previous step is t - 166, not the next entry of the list.
        "linspace": case(dict(SD, clip_sample=False, timestep_spacing="linspace"), 6),
        "trailing": case(dict(ANIMATE, timestep_spacing="trailing"), 6, 7),
        "v_zero_snr": case(dict(ANIMATE, **ZERO_SNR), 6, (6, dict(eta=0.3))),
        "x0_cosine_clip_range": case(dict(COSINE, **X0, clip_sample_range=0.75), 5, (5, dict(eta=0.6))),
        "epsilon_clip_range": case(dict(SD, clip_sample=True, clip_sample_range=2.0), 5),
        "thresholding": case(dict(SD, thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=1.5), 5),
        "trained_betas": case(dict(SHORT, clip_sample=False), 6, 1),
    },
    "EulerDiscreteScheduler": {
        "defaults_absent": case({}, 1, 5),
        "sd_linspace": case(SD, 6, 20),
        "leading_offset": case(dict(SD, timestep_spacing="leading", steps_offset=1), 6),
        "trailing": case(dict(SD, timestep_spacing="trailing"), 6),
        "karras": case(dict(SD, use_karras_sigmas=True), 6, 20),
        "karras_leading": case(dict(SD, use_karras_sigmas=True, timestep_spacing="leading", steps_offset=1), 6),
        "karras_sigma_range": case(dict(SD, use_karras_sigmas=True, sigma_min=0.05, sigma_max=9.0), 5),
        "exponential": case(dict(SD, use_exponential_sigmas=True), 5),
        "log_linear_sigma_min": case(dict(SD, interpolation_type="log_linear", final_sigmas_type="sigma_min"), 5),
        "v_cosine": case(dict(COSINE, **V), 6),
        "v_zero_snr": case(dict(SD, **ZERO_SNR), 6),
        "v_continuous": case(dict(SD, **V, timestep_type="continuous"), 5),
        "x0": case(dict(SD, **X0), 5),
        "trained_betas": case(SHORT, 6),
        "churn": case(SD, (5, dict(s_churn=1.5, s_tmin=0.1, s_tmax=8.0, s_noise=1.01))),
    },
    "EulerAncestralDiscreteScheduler": {
        "defaults_absent": case({}, 1, 5),
        "sd_linspace": case(SD, 6, 20),
        "leading_offset": case(dict(SD, timestep_spacing="leading", steps_offset=1), 6),
        "v_zero_snr": case(dict(SD, **ZERO_SNR), 6),
        "v_cosine_trailing": case(dict(COSINE, **V, timestep_spacing="trailing"), 5),
        "trained_betas": case(SHORT, 6),
    },
    "DPMSolverMultistepScheduler": {
        "defaults_absent": case({}, 1, 5),
        "saved_file": case(SD, 6, full_file=True),  # holds a bare -Infinity
        "sd_linspace": case(SD, 6, 14, 20),
        "leading_offset": case(dict(SD, timestep_spacing="leading", steps_offset=1), 6),
        "trailing_sigma_min": case(dict(SD, timestep_spacing="trailing", final_sigmas_type="sigma_min"), 6, 16),
        "no_lower_order_final": case(dict(SD, lower_order_final=False, final_sigmas_type="sigma_min"), 6),
        "euler_at_final": case(dict(SD, lower_order_final=False, euler_at_final=True,
                                    final_sigmas_type="sigma_min"), 16),
        "karras": case(dict(SD, use_karras_sigmas=True), 1, 6, 20),
        "karras_heun_sigma_min": case(dict(SD, use_karras_sigmas=True, solver_type="heun",
                                           final_sigmas_type="sigma_min"), 6),
        "heun": case(dict(SD, solver_type="heun"), 6),
        "exponential": case(dict(SD, use_exponential_sigmas=True), 5),
        "v_cosine_clipped_lambda": case(dict(COSINE, **V, lambda_min_clipped=-5.1), 6),
        "v_zero_snr": case(dict(SD, **ZERO_SNR), 6),
        "x0": case(dict(SD, **X0), 5),
        "thresholding": case(dict(SD, thresholding=True, dynamic_thresholding_ratio=0.8, sample_max_value=2.0), 5),
        "first_order": case(dict(SD, solver_order=1), 5),
        "third_order": case(dict(SD, solver_order=3), 6, 16),
        "sde": case(dict(SD, algorithm_type="sde-dpmsolver++", use_karras_sigmas=True), 6),
        "trained_betas": case(SHORT, 6),
    },
    "LCMScheduler": {
        "defaults_absent": case({}, 1, 4),
        "animate_lcm": case(dict(ANIMATE), 1, 6),
        "clip_v": case(dict(SD, **V, clip_sample=True, clip_sample_range=1.5), 5),
        "few_original_steps": case(dict(SD, original_inference_steps=20, timestep_scaling=5.0), 6, 20),
        "x0": case(dict(SD, **X0, set_alpha_to_one=False), 5),
        "thresholding": case(dict(SD, thresholding=True, sample_max_value=1.2), 4),
        "v_zero_snr": case(dict(SD, rescale_betas_zero_snr=True, **V), 5),
    },
}


class ExactRoots(TorchFunctionMode):
    """Correctly rounded square roots of f32 tensors, on every machine.

    PyTorch takes them with MKL, whose last bit depends on the processor, and a
    zero-SNR schedule makes 1e-4 of that bit.
    """

    ROOTS = (torch.sqrt, torch.Tensor.sqrt)
    POWERS = (torch.pow, torch.Tensor.pow, torch.Tensor.__pow__)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in self.ROOTS or (function in self.POWERS and args[1] == 0.5):
            return torch.from_numpy(np.sqrt(np.atleast_1d(args[0].numpy()))).reshape(args[0].shape)
        return function(*args, **(kwargs or {}))


def load(cls, path):
    config = read_json(path)  # Python reads the bare -Infinity
    return cls.from_config(config)


def synthetic_model(x, step, label):
    """A smooth function of the input plus a fixed tensor for each step."""
    flat = x[0].numel()
    matrix = randn((flat, flat), label, "matrix", scale=flat ** -0.5)
    mixed = (x.reshape(x.shape[0], flat) @ matrix).reshape(x.shape)
    return 0.4 * torch.tanh(mixed) + randn(x.shape, label, "fixed", step, scale=0.5)


def run_case(cls, path, label, steps, arguments):
    scheduler = load(cls, path)
    out = {"alphas_cumprod": scheduler.alphas_cumprod}
    scheduler.set_timesteps(steps)
    out["timesteps"] = scheduler.timesteps
    if hasattr(scheduler, "sigmas"):
        out["sigmas"] = scheduler.sigmas
    out["init_noise_sigma"] = torch.tensor(float(scheduler.init_noise_sigma))

    clean, noise = randn(SHAPE, label, "clean"), randn(SHAPE, label, "noise")
    times = scheduler.timesteps[[0, len(scheduler.timesteps) // 2]]
    out.update(add_noise_clean=clean, add_noise_noise=noise, add_noise_timesteps=times,
               add_noise_result=scheduler.add_noise(clean, noise, times))

    sample = randn(SHAPE, label, "start") * scheduler.init_noise_sigma
    draws_of = generator(label, "draws")
    for i, t in enumerate(scheduler.timesteps):
        out[f"sample_{i}"] = sample
        scaled = scheduler.scale_model_input(sample, t)
        prediction = synthetic_model(scaled, i, label)
        with RecordedNoise(sys.modules[cls.__module__]) as draws:
            if "generator" in cls.step.__code__.co_varnames:
                sample = scheduler.step(prediction, t, sample, generator=draws_of, **arguments).prev_sample
            else:
                sample = scheduler.step(prediction, t, sample, **arguments).prev_sample
        if not torch.equal(scaled, out[f"sample_{i}"]):
            out[f"scaled_input_{i}"] = scaled
        out[f"prediction_{i}"] = prediction
        assert len(draws) <= 1
        if draws:
            out[f"noise_{i}"] = draws[0]
    out[f"sample_{len(scheduler.timesteps)}"] = sample
    for key, value in out.items():
        assert torch.isfinite(value).all(), (label, key)
    return out


def main():
    root = fresh_folder("schedulers")
    listing = {}
    for family, cases in FAMILIES.items():
        cls = getattr(diffusers, family)
        os.makedirs(os.path.join(root, family))
        tensors, listing[family] = {}, []
        for name, spec in cases.items():
            path = os.path.join(root, family, name + ".json")
            if spec["full_file"]:
                with tempfile.TemporaryDirectory() as folder:
                    cls(**spec["config"]).save_pretrained(folder)
                    with open(os.path.join(folder, "scheduler_config.json"), encoding="utf-8") as f:
                        text = f.read()
                with open(path, "w", encoding="utf-8", newline="\n") as f:
                    f.write(text)
            else:
                write_json(path, {"_class_name": family, "_diffusers_version": "0.42.1", **spec["config"]})
            for steps, arguments in spec["runs"]:
                run = name + f"_{steps}" + "".join(f"_{k}" for k in list(arguments)[:1])
                with ExactRoots():
                    out = run_case(cls, path, f"{family}/{run}", steps, arguments)
                    again = run_case(cls, path, f"{family}/{run}", steps, arguments)
                assert all(torch.equal(out[k], again[k]) for k in out)
                if any(k.startswith(name + "_") and k.endswith("/alphas_cumprod") for k in tensors):
                    out.pop("alphas_cumprod")  # the same for every run of a configuration
                tensors.update({f"{run}/{k}": v for k, v in out.items()})
                listing[family].append(dict(run=run, config=name + ".json", steps=steps, arguments=arguments))
                top = max(v.abs().max().item() for k, v in out.items() if k.startswith("sample_"))
                print(f"{family}/{run}: {len(out['timesteps'])} steps, max |sample| = {top:.2f}")
        save_tensors(os.path.join(root, family + ".safetensors"), tensors)
    write_json(os.path.join(root, "runs.json"), listing)


if __name__ == "__main__":
    main()
