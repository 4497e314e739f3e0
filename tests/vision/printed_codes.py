"""Codes drawn by the tests, and put into pictures at any place, size and turn."""

import cv2
import numpy as np

from sightline.media.frame import Image

LEFT_ODD = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
FIRST_DIGIT = ("OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE", "OEEOOE", "OEEEOO", "OEOEOE", "OEOEEO", "OEEOEO")


def qr(text: str) -> Image:
    """A QR code, a pixel per module, with its quiet zone."""
    return cv2.copyMakeBorder(cv2.QRCodeEncoder.create().encode(text), 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=255)


def ean13(digits: str) -> Image:
    """An EAN-13 bar code, a pixel per module, 50 high, with its quiet zone."""
    right = ["".join("10"[int(bit)] for bit in code) for code in LEFT_ODD]
    even = [code[::-1] for code in right]
    left = "".join(
        (LEFT_ODD if parity == "O" else even)[int(d)] for d, parity in zip(digits[1:7], FIRST_DIGIT[int(digits[0])], strict=True)
    )
    bits = "101" + left + "01010" + "".join(right[int(digit)] for digit in digits[7:]) + "101"
    bars = np.repeat(np.array([[255 * (bit == "0") for bit in bits]], np.uint8), 50, axis=0)
    return cv2.copyMakeBorder(bars, 4, 4, 11, 11, cv2.BORDER_CONSTANT, value=255)


def placed(
    picture: Image, code: Image, centre: tuple[int, int], module_px: float, degrees: float = 0.0, blur_px: float = 0.0
) -> Image:
    """A copy of a BGR picture with the code on it."""
    large = cv2.resize(code, None, fx=module_px, fy=module_px, interpolation=cv2.INTER_NEAREST)
    height, width = large.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    matrix[:, 2] += (centre[0] - width / 2, centre[1] - height / 2)
    size = picture.shape[1::-1]
    turned, mask = cv2.warpAffine(large, matrix, size), cv2.warpAffine(np.full_like(large, 255), matrix, size)
    if blur_px:
        turned = cv2.GaussianBlur(turned, (0, 0), blur_px)
    result = picture.copy()
    result[mask > 127] = turned[mask > 127][:, None]
    return result
