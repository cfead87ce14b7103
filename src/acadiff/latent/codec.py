"""One modality's autoencoder: a Haar stem, MONAI's `AutoencoderKL`, and a linear path beside it.

[paper §2, Latent Space Construction; Implementation details]. Two things are ours:

- The volume is taken relative to the *template*, the mean of the training volumes. Brains stand at
  the same place, so only the deviation has to be coded.
- Beside the autoencoder runs the best linear code of a cell (the principal components of the
  training cells, orthonormal): `z = P y + f(y)`, `y' = P^T z + g(z)`. `f` and `g` start at zero,
  so the codec starts as good as the best linear one and learns what that leaves. The linear path
  also carries the level of a scan, which the autoencoder's GroupNorms divide away.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from monai.networks.nets.autoencoderkl import AutoencoderKL
from torch import Tensor, nn

from acadiff.nets.blocks import zero_
from acadiff.nets.wavelet import Haar


class Codec(nn.Module):
    """Volumes `(b 1 i j k)` in [-1, 1] ⇄ whitened latents `(b c I J K)`, `I = i / factor`."""

    template: Tensor
    level: Tensor
    scale: Tensor

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        levels: int,
        channels: int,
        widths: tuple[int, ...],
        blocks: int,
        groups: int,
    ) -> None:
        """Make an untrained codec; `fit_linear` must be called, or a state loaded, before use.

        Args:
            shape: the grid, `(i, j, k)` voxels.
            levels: levels of the Haar stem.
            channels: latent channels.
            widths: the autoencoder's channels; each after the first halves the grid once more.
            blocks: residual blocks per width.
            groups: groups of every GroupNorm.
        """
        super().__init__()
        self.haar = Haar(levels=levels)
        coefficients, halvings = 8**levels, 2 ** (len(widths) - 1)
        self.factor = self.haar.factor * halvings
        self.latent_shape = (channels, *(side // self.factor for side in shape))
        self.autoencoder = AutoencoderKL(
            spatial_dims=3,
            in_channels=coefficients,
            out_channels=coefficients,
            channels=widths,
            num_res_blocks=blocks,
            attention_levels=[False] * len(widths),
            latent_channels=channels,
            norm_num_groups=groups,
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
            include_fc=False,
        )
        zero_(self.autoencoder.quant_conv_mu.conv)
        zero_([m for m in self.autoencoder.decoder.modules() if isinstance(m, nn.Conv3d)][-1])
        self.linear = nn.Conv3d(coefficients, channels, halvings, stride=halvings, bias=False)
        self.register_buffer("template", torch.zeros(1, *shape))
        self.register_buffer("level", torch.ones(()))
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def fit_linear(self, volumes: Iterable[Float[Tensor, "1 i j k"]]) -> None:
        """Set template, level and linear path from training volumes, in closed form."""
        volumes = list(volumes)
        self.template.copy_(torch.stack(volumes).mean(dim=0))
        cells = torch.zeros(self.linear.weight[0].numel(), self.linear.weight[0].numel())
        for volume in volumes:
            patches = self._cells(self.haar((volume - self.template)[None]))
            cells += patches.T @ patches / len(volumes)
        self.level.copy_((cells.trace() / self.template.numel()).sqrt())
        basis = torch.linalg.eigh(cells).eigenvectors.flip(1)[:, : len(self.linear.weight)]
        self.linear.weight.copy_(basis.T.reshape(self.linear.weight.shape))

    def _cells(self, y: Float[Tensor, "b c i j k"]) -> Float[Tensor, "n d"]:
        """Every cell of the linear path as one row."""
        p = self.linear.kernel_size[0]
        return rearrange(y, "b c (i p) (j q) (k r) -> (b i j k) (c p q r)", p=p, q=p, r=p)

    def moments(self, x: Float[Tensor, "b 1 i j k"]) -> tuple[Tensor, Tensor]:
        """Posterior mean and SD of the *raw* latent."""
        y = self._deviation(x)
        mean, sd = self.autoencoder.encode(y)
        # Single precision: bf16 alone would limit the reconstruction to about 37 dB.
        with torch.autocast(x.device.type, enabled=False):
            return self.linear(y) + mean.float(), sd.float()

    def reconstruct(self, z: Float[Tensor, "b c I J K"]) -> Float[Tensor, "b 1 i j k"]:
        """Volume of a *raw* latent."""
        return torch.as_tensor(
            self.haar.inverse(self._coefficients(z) * self.level) + self.template
        )

    def _deviation(self, x: Float[Tensor, "b 1 i j k"]) -> Float[Tensor, "b c I J K"]:
        """Haar coefficients of what sets a volume apart from the template, in units of `level`."""
        with torch.autocast(x.device.type, enabled=False):
            return torch.as_tensor(self.haar(x - self.template) / self.level)

    def _coefficients(self, z: Tensor) -> Tensor:
        """Haar coefficients of a raw latent, in units of `level`."""
        with torch.autocast(z.device.type, enabled=False):
            weight, step = self.linear.weight, self.linear.kernel_size[0]
            linear = F.conv_transpose3d(z, weight, stride=step)
        return torch.as_tensor(linear + self.autoencoder.decode(z).float())

    def losses(self, x: Float[Tensor, "b 1 i j k"], noise: Tensor) -> dict[str, Tensor]:
        """`reconstruction` (squared error of the coefficients) and `kl`, both means.

        Args:
            x: volumes.
            noise: standard normal, shaped like the latents.
        """
        mean, sd = self.moments(x)
        error = (self._coefficients(mean + sd * noise) - self._deviation(x)).square().mean()
        kl = 0.5 * (mean.square() + sd.square() - 1 - 2 * sd.log()).mean()
        return {"reconstruction": error, "kl": kl}

    def encode(self, x: Float[Tensor, "b 1 i j k"]) -> Float[Tensor, "b c I J K"]:
        """Whitened latents: the posterior mean over `scale`.

        One scale serves all channels: the linear path is orthonormal, so that an error in latents
        is (to first order) the same error in voxels, and whitening each channel by itself would
        ask the denoiser for noise as earnestly as for anatomy.
        """
        return self.moments(x)[0] / self.scale

    def decode(self, z: Float[Tensor, "b c I J K"]) -> Float[Tensor, "b 1 i j k"]:
        """Volumes of whitened latents."""
        return self.reconstruct(z * self.scale)
